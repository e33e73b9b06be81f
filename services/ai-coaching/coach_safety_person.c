/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of coach_safety.h. Who asks: pregnancy, age; and what belongs to a doctor. */
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_safety_table.h"

/* clang-format off: a row is read by its parts */
static const struct coach_safety_row rows[] = {
	{
		.topic = "pregnancy",
		.level = COACH_LEVEL_SEE,
		.message = "Stop and call your midwife or doctor now, or the emergency number "
			"if you cannot reach them: bleeding, leaking fluid, contractions, "
			"dizziness, chest pain, a swollen calf or a baby that moves less are "
			"reasons to stop at once.",
		.refuse = "I suggest no training until they have cleared you.",
		.advise = "Afterwards I can help you to go on gently, with what they allow.",
		.patterns = {
			"pregnant|pregnancy|trimester .. bleeding|contractions|leaking|dizzy",
			"pregnant|pregnancy|trimester .. headache|faint|cramps|cramping",
			"bleeding|contractions|leaking .. pregnant|pregnancy|trimester",
			"cramps|cramping .. pregnant|pregnancy|trimester",
			"baby .. moving|moves|movement less|not|stopped",
			"reduced|less|decreased fetal|baby =movement",
			"my =water|waters =broke|broken",
		},
		.negatable = true,
	},
	{
		.topic = "pregnancy",
		.level = COACH_LEVEL_ADAPT,
		.message = "Congratulations. Train in this time only with the go-ahead of "
			"your midwife or doctor, and stop for bleeding, leaking fluid, "
			"contractions, dizziness, headache, chest pain, breathlessness before "
			"effort, or a painful or swollen calf.",
		.refuse = "I set no new maximums and no fat-loss goals now.",
		.advise = "With their OK: moderate effort that lets you talk, loads you own, "
			"nothing flat on the back for long, and no risk of falling.",
		.patterns = {
			"pregnant|pregnancy|trimester|expecting =a|baby",
			"pregnant|prego|preggo|preggers",
			"postpartum|postnatal",
			"post =partum",
			"weeks|months =postpartum|after =birth",
			"trying .. baby|pregnant|conceive",
			"gave|given =birth",
			"had =a =baby|csection",
			"c =section",
			"breastfeeding",
		},
		.negatable = true,
	},
	{
		.topic = "minor",
		.level = COACH_LEVEL_REFUSE,
		.message = "This coach is not made for children under 13. Please show this to "
			"a parent or guardian.",
		.refuse = "I give no plans, loads or diets to children.",
		.advise = "Sports clubs and school sport with a trained coach are a good "
			"place to get strong.",
		.patterns = {
			"i =am =in =elementary|primary =school",
		},
		.rule = coach_safety_child,
	},
	{
		.topic = "minor",
		.level = COACH_LEVEL_ADAPT,
		.message = "Until you are 18, train with an adult who knows how, put "
			"technique first, and keep well away from failure.",
		.refuse = "I give people under 18 no weight-loss plans, no supplements and "
			"no tests of a one-repetition maximum.",
		.advise = "Bodyweight and light loads for 8 to 15 clean repetitions bring "
			"you a long way.",
		.patterns = {
			"high =school|schooler",
			"highschool",
			"i =am =a =teen|teenager|minor|kid|child",
			"my =son|daughter|kid|child",
			"in #n =th|grade =grade|$",
			"#n =th =grader|grade",
			"middle =school|schooler",
		},
		.rule = coach_safety_teenager,
	},
	{
		.topic = "older",
		.level = COACH_LEVEL_SEE,
		.message = "Falls deserve a look by your doctor or a physiotherapist before "
			"you train on. They can test balance and strength and rule out causes.",
		.refuse = "I set no loads before that.",
		.advise = "What is safe to ask about: sit-to-stands from a chair, supported "
			"balance, and walking, starting low.",
		.patterns = {
			"fell|fall|falling|falls|unsteady .. balance|old|older|elderly",
			"fell|fall|falling|falls|unsteady .. seventy|eighty|stairs|lately",
			"elderly|frail|grandma fell|falls|fall|unsteady",
			"grandmother|grandpa|grandfather fell|falls|fall|unsteady",
			"keep =falling",
			"fallen|fell twice|again|often|times",
			"dad|mum|mom|father|mother .. fell|falls|unsteady",
		},
		.negatable = true,
	},
	{
		.topic = "older",
		.level = COACH_LEVEL_ADAPT,
		.message = "Strength training is good at every age. If you have not trained "
			"lately, see your doctor first, start low, and add balance work.",
		.refuse = "I suggest no maximal lifts to begin with.",
		.advise = "Two full-body days a week with 2 to 3 repetitions in reserve are "
			"a good start.",
		.patterns = {
			"i =am =old|elderly|retired|seventy|eighty",
			"my =age",
			"senior|seniors|elderly",
		},
		.rule = coach_safety_older,
	},
	{
		.topic = "medical",
		.level = COACH_LEVEL_REFUSE,
		.message = "That needs someone who can examine you and who knows your history.",
		.refuse = "I do not diagnose, read scans or tests, or advise on medicines "
			"and doses.",
		.advise = "Take it to your doctor or physiotherapist, and tell me what they "
			"allow you to do.",
		.patterns = {
			"mri|xray|ecg|ekg|ultrasound",
			"ct =scan",
			"x =ray",
			"blood =test|work|results|panel|tests",
			"diagnose|diagnosis",
			"what .. wrong with my @joint|body|heart",
			"how much|many insulin|ibuprofen|paracetamol",
			"how much|many painkillers|medication|aspirin",
			"adjust|change|stop|increase|lower my insulin|medication|meds",
			"adjust|change|stop|increase|lower my dose|medicine",
			"prescribe|prescription",
			"ibuprofen|painkillers .. train|workout|before|gym",
			"painkiller|naproxen .. train|workout|before|gym",
		},
	},
};
/* clang-format on */

const struct coach_safety_part coach_safety_person = { rows, ARRAY_LEN(rows) };
