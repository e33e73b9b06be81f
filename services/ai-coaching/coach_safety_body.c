/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of coach_safety.h. What the body says: emergencies and signs of illness or injury. */
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_safety_table.h"

#define CALL                                                                                       \
	"Call your local emergency number now (112 in Europe, 911 in the US and Canada, 999 in the UK)"
#define NO_TRAINING "I will not talk about training until you have been looked after."

/* clang-format off: a row is read by its parts */
static const struct coach_safety_row rows[] = {
	{
		.topic = "cardiac",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "Stop exercising, sit or lie down, and do not stay alone. "
			CALL
			": what you describe can be a sign of a heart attack, a stroke or "
			"another emergency, and minutes count.",
		.refuse = NO_TRAINING,
		.advise = "When you have had medical help, tell me that you have been "
			"checked and cleared.",
		.patterns = {
			"chest @pain",
			"chest pressure|tight|tightness|tightening",
			"chest squeezing|heaviness|crushing",
			"@pain in|on|across my|the|me =chest",
			"pressure|tightness|squeezing|crushing .. chest",
			"@pain .. left|right =arm chest",
			"heart attack",
			"having|had|have =a =stroke",
			"@pain jaw|left chest|arm|heart",
			"left =arm numb|@pain|tingling|heavy",
			"jaw|arm @pain chest|breath|sweating",
			"passed|passing|pass|blacked|blacking =out",
			"faint|fainted|fainting|collapsed|collapsing|unconscious|syncope",
			"can not breathe|breath",
			"can not =catch breath",
			"suddenly|severe|severely short|breathless breath|breathing",
			"suddenly|severe|severely short|breathless breathless",
			"suddenly|severe|severely breathlessness breath|breathing|breathless",
			"really|very short|breathless breath|breathing|breathless",
			"really|very breathlessness breath|breathing|breathless",
			"severe|sudden breathlessness|breathless",
			"slurred|slurring speech|words|talking",
			"speech|face slurred|drooping|droops|drooped",
			"one|left|right =side numb|weak|weakness|droopy|paralysed|paralyzed",
			"weakness|numbness one|left|right =side",
			"worst|thunderclap headache",
			"had|having|have|a =seizure !history !year !years !ago !childhood",
			"seizure|seizures !history !year !years !ago !childhood",
			"palpitations|palpitation dizzy|faint|lightheaded|lightheadedness",
			"heart|fluttering dizzy|faint|lightheaded|lightheadedness",
			"heart racing|skipping|fluttering dizzy|faint|rest|breath",
			"heart @pain",
			"elephant .. chest",
			"dizzy|lightheaded palpitations|chest|heart",
			"chest =feels|feel|felt|is|got weird|heavy|tight|funny",
			"chest =feels|feel|felt|is|got odd|strange|off",
			"elephant on|sitting|standing",
			"heart .. dizzy|faint|lightheaded|lightheadedness",
			"heart =is|was beating|racing|pounding .. dizzy|faint|lightheaded",
			"arm|jaw numb|tingling|@pain .. sweating|sweaty|nauseous|breath",
			"jaw @pain during|when|while|with|after",
			"vision|everything =went|goes|turned black|dark|grey|gray",
			"scoops|preworkout|caffeine .. heart racing|pounding|fluttering",
			"stimulant|stimulants .. heart racing|pounding|fluttering",
			"heart =is racing|pounding|fluttering .. scoops|preworkout",
			"heart =is racing|pounding|fluttering .. caffeine|stimulants",
			"brustschmerzen|brustschmerz|brustenge|herzinfarkt|infarto|hartaanval",
			"schmerzen|dolor|duele|douleur .. brust|pecho|poitrine",
			"schmerzen|dolor|duele|douleur .. petto|borst|peito",
			"mal|dolore|pijn|dor .. brust|pecho|poitrine|petto|borst|peito",
		},
		.negatable = true,
	},
	{
		.topic = "spine",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "Stop and get emergency care. "
			CALL
			": loss of feeling in the saddle area, loss of bladder or bowel "
			"control, leg weakness, or fever with back pain can mean damage that "
			"must be treated today.",
		.refuse = NO_TRAINING,
		.advise = "When a doctor has seen you, tell me that you have been checked "
			"and cleared.",
		.patterns = {
			"saddle numb|numbness",
			"numb|numbness groin|genitals|crotch|saddle",
			"lost|lose|losing|no control bladder|bowel|bowels",
			"can not control|hold bladder|bowel|bowels|pee|urine",
			"wet|peed|pissed|soiled myself back|legs",
			"back|spine .. bladder|bowel|bowels|incontinent|incontinence",
			"fever .. back @pain",
			"back @pain .. fever",
			"legs|leg weak|weakness|numb|numbness .. back",
			"back .. legs|leg =are|is|went|gone|feel weak|numb",
			"back .. legs|leg =are|is|went|gone|feel paralysed|paralyzed",
			"can not =feel legs|leg|feet",
		},
		.negatable = true,
	},
	{
		.topic = "heat",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "Stop now, get into the shade or a cool room, cool the skin with "
			"water, and do not stay alone. "
			CALL
			": confusion, no sweat in the heat, or collapse can be heat stroke.",
		.refuse = NO_TRAINING,
		.advise = "When you have been seen and are well again, tell me that you have "
			"been checked and cleared.",
		.patterns = {
			"heat =stroke",
			"heatstroke",
			"confused|confusion|disoriented .. heat|hot|sun",
			"heat|hot|sun .. confused|confusion|disoriented",
			"not|stopped =sweating heat|hot|sun|anymore",
			"heat|hot|sun .. not|stopped =sweating",
			"sun|heat .. vomiting|vomited|threw",
		},
		.negatable = true,
	},
	{
		.topic = "rhabdo",
		.level = COACH_LEVEL_URGENT,
		.message = "Stop training and get medical care today, at an emergency "
			"department if you can: dark urine, or badly swollen and painful "
			"muscles after hard exercise, can be rhabdomyolysis, which harms the "
			"kidneys.",
		.refuse = "I will not suggest any training while this is open.",
		.advise = "Drink as you normally would on the way, and take no painkillers "
			"before a doctor has said so.",
		.patterns = {
			"dark|brown|cola|coke =coloured|colored|ish|like|color urine|pee|piss",
			"tea|black|red =coloured|colored|ish|like|color urine|pee|piss",
			"dark|brown|cola|coke =colour|brown|urine|pee|piss urine|pee|piss",
			"tea|black|red =colour|brown|urine|pee|piss urine|pee|piss",
			"dark|brown|cola|coke|tea|black|red|bloody =urine|pee|piss",
			"urine|pee|piss .. dark|brown|cola|coke|tea|black|red|bloody",
			"rhabdo|rhabdomyolysis",
			"blood in|with =my|urine|pee|the urine|pee",
		},
		.negatable = true,
	},
	{
		.topic = "head_injury",
		.level = COACH_LEVEL_URGENT,
		.message = "Stop, and let a doctor look at you today; if you vomit, are "
			"confused, have a bad or growing headache, or cannot remember, call "
			"the emergency number (112, 911, 999) and do not stay alone.",
		.refuse = "I do not give advice on returning to training after a blow to the "
			"head; that is a medical decision.",
		.advise = "Rest from sport and screens until you have been checked.",
		.patterns = {
			"hit|banged|bumped|smashed|knocked|cracked my|the =head",
			"head .. hit|banged|bumped floor|bar|rack|ground|wall",
			"concussion|concussed",
			"dropped|fell .. on my =head",
			"blow to =the =head",
			"memory loss|gap .. head|fall|hit",
		},
		.negatable = true,
	},
	{
		.topic = "dvt",
		.level = COACH_LEVEL_URGENT,
		.message = "Do not train or massage it, and see a doctor today: pain and "
			"swelling of one calf can be a blood clot. With breathlessness or "
			"chest pain call the emergency number (112, 911, 999).",
		.refuse = "I will not suggest stretching or training for it.",
		.advise = "Once a clot has been ruled out, I can help you to plan the way "
			"back.",
		.patterns = {
			"calf .. swollen|swelling|swelled|red|warm|hot|puffy",
			"swollen|swelling|red|warm|hot .. calf",
			"blood =clot|clots",
			"dvt|thrombosis",
			"leg =is|has|got|gets|looks swollen|swelling|red|warm",
			"one|left|right =leg|calf swollen|swelling|bigger",
		},
		.negatable = true,
	},
	{
		.topic = "injury",
		.level = COACH_LEVEL_SEE,
		.message = "Stop the movements that hurt, and let a doctor or physiotherapist "
			"look at it before you load it again: sharp, growing or night pain, "
			"swelling, locking, numbness, or a pop are reasons to have it seen.",
		.refuse = "I cannot tell what it is, and I will not help you to train "
			"through it.",
		.advise = "I can take the exercise that provokes it out of your plan: name "
			"it, and I propose another that leaves the area alone, once it has "
			"been looked at.",
		.patterns = {
			"tore|torn|ruptured @joint|muscle|bone|arm|leg|pec",
			"ruptured|snapped|fractured @joint|muscle|bone|arm|leg|pec",
			"tore|torn|ruptured meniscus|acl|ligament|my|toe|finger",
			"ruptured|snapped|fractured meniscus|acl|ligament|my|toe|finger",
			"fracture|broken|broke @joint|muscle|bone|arm|leg|pec",
			"dislocated|dislocate @joint|muscle|bone|arm|leg|pec",
			"fracture|broken|broke meniscus|acl|ligament|my|toe|finger",
			"dislocated|dislocate meniscus|acl|ligament|my|toe|finger",
			"heard|felt =a =pop|popping|snap|crack|tear",
			"pop|popped|snapped|gave =in|out|my|way @joint",
			"@joint popped|snapped|locked|locking|locks",
			"@joint gave|swollen|swelling|buckled",
			"swollen|swelling @joint",
			"pinched|herniated|slipped|bulging =nerve|disc|disk",
			"herniated|sciatica",
			"shooting @pain",
			"sharp|stabbing|severe|worsening|unbearable @pain",
			"@joint .. sharp|stabbing|severe|worsening|unbearable",
			"@pain .. worse|worsening|severe|unbearable|night",
			"numb|numbness|tingling|tingly",
			"pins =and =needles",
			"train|work|push|lift through pain|injury|it =pain|injury|hurts",
			"power|squat|bench|run through pain|injury|it =pain|injury|hurts",
			"through =the =pain",
			"after|since|post|had =surgery|operation|op",
			"post =op|surgery|surgical",
			"acl|meniscus|labrum|rotator =cuff|tear|surgery|reconstruction",
			"pulled|strained|sprained my|a|an|the @joint|muscle",
			"pulled|strained|sprained my|a|an|the hamstring|something",
			"tweaked|twisted|rolled my|a|an|the @joint|muscle|hamstring|something",
			"stress =fracture",
			"@joint .. swollen|swelling|swelled",
			"can not =move|bend|lift|straighten my @joint",
			"bruised|bruising .. @joint",
			"back =went|gave|gone =out",
			"threw|thrown|throwing =out =my =back",
			"threw|thrown =my =back =out",
			"hernia",
			"back =spasm|spasms|seized",
		},
		.rule = coach_safety_much_pain,
		.negatable = true,
	},
	{
		.topic = "injury",
		.level = COACH_LEVEL_ADAPT,
		.message = "Pain is a reason to change something today: leave out what hurts, "
			"use a range and a load that stay clearly below 3 out of 10, and have "
			"it looked at if it lasts more than a week or gets worse.",
		.refuse = "I cannot tell what it is, and I will not help you to push through "
			"it.",
		.advise = "I can propose an exercise that leaves the area alone.",
		.patterns = {
			"@joint @pain|niggle|niggles|niggling|twinge|twinges",
			"@joint sore|stiff|clicks|clicking|discomfort|uncomfortable",
			"@pain|sore|niggle|twinge|discomfort .. @joint",
			"#ex @pain|hurts",
			"@pain during|when|doing|from|on|with|after #ex",
			"injury|injured|injure",
			"it =hurts",
			"i =am hurt",
			"tendonitis|tendinitis|tendinopathy|bursitis|sprain|impingement",
		},
		.negatable = true,
	},
	{
		.topic = "symptoms",
		.level = COACH_LEVEL_SEE,
		.message = "Stop for today and sit or lie down until it is over. Dizziness, a fluttering "
			"heart or breathlessness that comes with effort should be seen by a doctor before "
			"you train hard again; if you faint, or chest pain or breathlessness joins it, "
			"call the emergency number (112, 911, 999).",
		.refuse = "I give no loads or technique for what brought it on until then.",
		.advise = "Eat and drink as usual, breathe out in each repetition, and tell me what the "
			"doctor allows.",
		.patterns = {
			"dizzy|dizziness|lightheaded|lightheadedness|vertigo !pregnant !pregnancy",
			"light =headed|headedness !pregnant !pregnancy",
			"heart =flutters|flutter|skips",
			"palpitations|palpitation",
		},
		.negatable = true,
	},
	{
		.topic = "chronic",
		.level = COACH_LEVEL_SEE,
		.message = "With that condition or medicine, please get your doctor's word on "
			"how hard you may train, and bring your plan along. Until then keep "
			"it easy and go by effort (RPE), not by heart rate.",
		.refuse = "I do not advise on medicines or on your condition.",
		.advise = "Tell me what your doctor allows, and I help to fit the plan to "
			"it. Stop at chest discomfort, dizziness or unusual breathlessness.",
		.patterns = {
			"heart =condition|disease|failure|surgery|problem|problems|murmur",
			"high =blood =pressure",
			"hypertension|hypertensive",
			"diabetes|diabetic|diabetics|hypoglycaemia|hypoglycemia",
			"blood =sugar",
			"beta =blocker|blockers",
			"betablocker|betablockers|bisoprolol|metoprolol",
			"warfarin|anticoagulant|anticoagulants",
			"blood =thinner|thinners",
			"epilepsy|epileptic",
			"asthma|asthmatic|copd",
			"cancer|chemo|chemotherapy",
			"kidney =disease|failure|problem|problems",
			"dialysis",
			"osteoporosis|arthritis",
			"pacemaker|stent|arrhythmia|afib",
			"history .. seizure|seizures",
			"multiple =sclerosis",
			"my =medication|meds|medicine",
			"seizure|seizures .. year|years|ago|childhood",
			"blood =pressure #n",
			"blood =pressure is|medication|meds|too",
			"on .. meds|medication|ssri|ssris",
			"on .. antidepressants|antidepressant|statins|statin",
			"kidney =stone|stones",
		},
		.negatable = true,
	},
};
/* clang-format on */

const struct coach_safety_part coach_safety_body = { rows, ARRAY_LEN(rows) };
