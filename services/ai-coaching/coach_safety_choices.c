/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of coach_safety.h. What people think of doing: drugs, diets, dares. */
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_safety_table.h"

/* clang-format off: a row is read by its parts */
static const struct coach_safety_row rows[] = {
	{
		.topic = "drugs",
		.level = COACH_LEVEL_URGENT,
		.message = "DNP and insulin taken without a prescription kill healthy people, "
			"in amounts that nobody can judge. If you have taken either and feel "
			"hot, sweaty, shaky, confused or breathless, call the emergency "
			"number (112, 911, 999) or a poison centre now.",
		.refuse = "I give no doses, sources or schedules for them.",
		.advise = "Please talk to a doctor without fear of being judged; for "
			"leanness and muscle I can help with training.",
		.patterns = {
			"dnp",
			"dinitrophenol",
			"insulin bulk|bulking|muscle|muscles|gains",
			"insulin anabolic|bodybuilding|pump|size",
			"bodybuilding|anabolic|bulk|gains|muscle .. insulin",
		},
	},
	{
		.topic = "drugs",
		.level = COACH_LEVEL_REFUSE,
		.message = "Performance drugs carry real risks for heart, liver, hormones and "
			"mind, more so without a doctor.",
		.refuse = "I do not help with doses, cycles, stacks, sources or tests for "
			"them.",
		.advise = "If you use or have used any, a doctor or a harm-reduction service "
			"can check your health without judging. For muscle, fat and strength "
			"I can help with training.",
		.patterns = {
			"@drug",
			"test =e|c|cyp|enanthate|cypionate|cycle|prop",
			"blast and =cruise",
			"pct",
			"post =cycle",
			"beat|pass|cheat drug|doping =test",
			"growth =hormone",
			"peptide",
			"fat =burner|burners pills",
			"rad =140",
			"bpc =157",
			"mk =677",
			"glp =1",
			"steroid|steroids !creatine",
			"steroid|steroids .. cycle|stack|dose|dosage|buy|inject|course",
			"on =gear|juice|roids",
			"on =the =gear|juice",
			"juicing|juiced|juicer",
			"gear|juice cycle|source|dose|dosage|stack|supplier|inject",
			"cycle|source|blast|inject|pin gear|juice",
			"first|bulking|cutting|beginner =cycle",
		},
	},
	{
		.topic = "extreme_diet",
		.level = COACH_LEVEL_REFUSE,
		.message = "That fast or that little is unsafe: it costs muscle, water and "
			"minerals, and strains the heart. A rate that holds is up to 0.5 to 1 "
			"% of body weight a week.",
		.refuse = "I do not help with crash diets, very low calories, dry fasts, "
			"water cuts, diuretics or sweat suits.",
		.advise = "A registered dietitian or your doctor can set up eating that fits "
			"you; I take care of the training that keeps your muscle.",
		.patterns = {
			"dry =fast|fasting",
			"cut|cutting|dropping|flush|flushing =water|fluids",
			"water =cut|cutting|loading|fast",
			"cut|cutting|drop|drop .. water =weight",
			"diuretic|diuretics",
			"sweat|sauna|bin|trash =suit|bag",
			"crash =diet|dieting",
			"starvation =diet",
			"fast|fasting|fasted for #n days|day|weeks",
			"#n =day|days =fast|fasting|water",
			"lose|drop|cut weight|kg|lb|fat|belly @fast",
			"@fast way .. lose|drop|cut weight|fat|kg|lb",
			"stop|not =eating to|and lose|drop|weight",
			"eat|eating =nothing",
			"only =drink|drinking water|juice|coffee days|week|lose",
			"sauna .. fast|fasting|fasted",
			"fast|fasting|fasted .. sauna",
			"no|without =water|liquids|fluids .. weigh|weight|hours",
			"no|without =water|liquids|fluids .. day|days|fight",
			"dehydrate|dehydrating .. weigh|weight|fight|meet|cut",
			"spit|spitting .. weight|cut|weigh",
		},
		.rule = coach_safety_low_calories,
	},
	{
		.topic = "extreme_diet",
		.level = COACH_LEVEL_REFUSE,
		.message = "That is faster than the body gives up fat: more than about 1 kg, "
			"or 1 % of body weight, a week costs muscle and water and strains the "
			"heart.",
		.refuse = "I do not help to lose weight at that rate.",
		.advise = "Plan for 0.5 to 1 % of body weight a week, with a dietitian's "
			"help; I take care of the training that keeps your muscle.",
		.rule = coach_safety_fast_loss,
	},
	{
		.topic = "dangerous",
		.level = COACH_LEVEL_REFUSE,
		.message = "That can go badly wrong, and help would come too late.",
		.refuse = "I do not help with breath-hold training in or under water, "
			"training with a fever, or maximal lifts without spotter or safeties.",
		.advise = "Train under supervision, rest until a fever is gone for a day, "
			"and set the safeties or have a spotter for every heavy set; then I "
			"gladly help with the rest.",
		.patterns = {
			"hold|holding my|your =breath .. water|pool|underwater|long|longer",
			"breath =hold|holding|holds",
			"underwater|apnea|apnoea|static =apnea",
			"train|training|lift|lifting with|have .. fever|flu",
			"gym|workout|run|running with|have .. fever|flu",
			"fever .. train|gym|workout|lift|run|session",
			"have|got|running =a =fever|temperature",
			"max|1rm|pr|heavy|bench|squat alone|without =spotter|safeties|anyone",
			"max|1rm|pr|heavy|bench|squat alone|without =a|spotter",
			"without|no spotter|safeties|collars .. max|1rm|heavy|pr|bench|squat",
			"max|maxing|1rm .. alone|no =spotter",
			"alone .. max|1rm|pr|maxing",
			"hungover|drunk|stoned .. gym|train|lift|workout",
			"train|lift|lifting|gym drunk|hungover|stoned",
			"have|got|caught covid|flu|pneumonia|myocarditis !shot !vaccine !jab",
			"i =am high .. gym|train|lift|workout|session",
			"hungover|drunk|stoned .. #ex",
			"hungover|drunk|stoned .. session|lifting|training",
			"weed|cannabis before|and|then|while gym|train|training",
			"marijuana|edibles before|and|then|while gym|train|training",
			"weed|cannabis before|and|then|while workout|lifting",
			"marijuana|edibles before|and|then|while workout|lifting",
		},
	},
	{
		.topic = "supplements",
		.level = COACH_LEVEL_REFUSE,
		.message = "Dry scooping and large doses of stimulants have sent healthy "
			"people to hospital.",
		.refuse = "I do not suggest amounts beyond the label, or stacking stimulants.",
		.advise = "Ask a pharmacist about what you take and how it mixes with "
			"medicines. Good sleep and a warm-up do more for the next session.",
		.patterns = {
			"dry =scoop|scooping|scooped",
			"double|triple|two scoops|scoop|preworkout|dose pre|preworkout|scoops",
			"three|multiple scoops|scoop|preworkout|dose pre|preworkout|scoops",
			"megadose|mega =dose",
			"#n scoops",
			"caffeine =pills|tablets|powder|overdose",
			"ephedrine|ephedra|dmaa",
		},
	},
	{
		.topic = "supplements",
		.level = COACH_LEVEL_ADAPT,
		.message = "I can only say what is general: creatine and caffeine in label "
			"amounts are well studied, most of the rest is not.",
		.refuse = "I recommend no products and no amounts.",
		.advise = "A pharmacist or dietitian can tell what fits you and your "
			"medicines.",
		.patterns = {
			"creatine|preworkout|bcaa|bcaas",
			"supplement|supplements|ashwagandha|electrolytes",
			"pre =workout =powder|drink|supplement",
			"protein =powder|shake|shakes",
			"caffeine",
		},
	},
};
/* clang-format on */

const struct coach_safety_part coach_safety_choices = { rows, ARRAY_LEN(rows) };
