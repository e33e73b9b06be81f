/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of coach_safety.h. What hurts without a wound, and what a chat is not for. */
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_safety_table.h"

#define CRISIS                                                                                     \
	"In the US call or text 988; in the UK and Ireland call Samaritans on 116 123; "           \
	"elsewhere your local crisis line, or 112 / 911 if you are in danger right now."

/* clang-format off: a row is read by its parts */
static const struct coach_safety_row rows[] = {
	{
		.topic = "self_harm",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "I am really glad you told me, and I am sorry that it hurts this "
			"much. Your life matters more than any training. Please reach a "
			"person now. "
			CRISIS
			" If you have already done something or have a plan with means at "
			"hand, call the emergency number first.",
		.refuse = "I am a program and no substitute for someone who can be with you, "
			"so I will not go on with training now.",
		.advise = "Is there someone near you whom you could tell tonight? I am still "
			"here when you have talked to them.",
		.patterns = {
			"kill|killing|hang|hanging|shoot|drown|cut =myself !cutting !slack !shaving",
			"going|want|plan|planning|ready to =die",
			"suicide|suicidal",
			"end|ending|take|taking my =life",
			"end =it =all",
			"overdose|overdosing|overdosed",
			"wrote|writing|write .. goodbye|suicide =note|letter",
			"have =a =plan to die|end|kill",
			"going|gonna|want|wanna|will|about .. end =it $",
			"going|gonna|want|wanna|will .. end =it tonight|today|now",
			"going|gonna|want|wanna|will .. end =it soon|forever",
			"sterben|umbringen|selbstmord|suizid|suicidio",
			"suicidarme|matarme|suicider|uccidermi|zelfmoord",
			"quiero|veux|voglio|quero|wil morir|mourir|morire|morrer|dood",
		},
	},
	{
		.topic = "self_harm",
		.level = COACH_LEVEL_URGENT,
		.message = "Thank you for saying that. It sounds very heavy, and you do not "
			"have to carry it alone. Please talk to someone you trust today. "
			CRISIS,
		.refuse = "I am a program, so I am not the right help for this, and I will "
			"not use training as a punishment or a cure.",
		.advise = "If you want, tell me when you have talked to someone, and we take "
			"training up again gently.",
		.patterns = {
			"do|not|never not|want to|be live|alive|exist =anymore|any|more",
			"do|not|never wanna|wish to|be live|alive|exist =anymore|any|more",
			"do|not|never not|want|wanna|wish to|be living|here =anymore|any|more",
			"not =want to =live|exist",
			"not =want to =be alive|here",
			"no reason|point to|in|living|live live|living|going",
			"better off dead|without",
			"wish =i =was|were dead|gone",
			"wish i =never =wake|woke",
			"hurt|hurting|harm|harming|cut|cutting|punish|punishing =myself !slack !shaving",
			"self =harm|harming",
			"hate myself",
			"hate my =life|self",
			"i =deserve =pain|suffer|punishment",
			"want|wish to =disappear",
			"life|living not|isnt =worth",
			"give =up on =life",
			"hopeless",
			"not see .. point anymore|living|life",
			"nobody|noone|one would|will =miss =me",
			"point of|in =living|life|anything|going|being",
			"tired of =living|life|being =alive|here|$",
			"can not =go =on anymore|living|$",
			"feel|am worthless",
		},
	},
	{
		.topic = "eating_disorder",
		.level = COACH_LEVEL_URGENT,
		.message = "Thank you for trusting me with this. What you describe is a "
			"health matter, it is common, and it can be treated. Please talk to a "
			"doctor, or to an eating-disorder service such as Beat in the UK or "
			"the National Alliance for Eating Disorders in the US. If you faint "
			"or have chest pain, call the emergency number.",
		.refuse = "I give no calorie targets, deficits, weights or ways to "
			"compensate for food.",
		.advise = "I am glad to talk about strength, technique and rest instead.",
		.patterns = {
			"purge|purging|purged",
			"throw|throwing|threw up|myself food|meal|eating|sick|eat|dinner",
			"make|making|made up|myself food|meal|eating|sick|eat|dinner",
			"throw|throwing|threw up|myself lunch|breakfast|throw|vomit|puke",
			"make|making|made up|myself lunch|breakfast|throw|vomit|puke",
			"vomit|vomiting|puke|puking|puked .. eat|eating|food|meal",
			"vomit|vomiting|puke|puking|puked .. meals|dinner|binge",
			"laxative|laxatives",
			"binge|binged|binging|bingeing",
			"burn|burning|work|sweat|run off|out meal|food|pizza",
			"burn|burning|work|sweat|run off|out dinner|lunch|cake",
			"burn|burning|work|sweat|run off|out ate|eaten|burger",
			"burn|burning|work|sweat|run off|out cookies|binge|everything",
			"earn|deserve =my =food|dinner|meal|to =eat",
			"afraid|scared|fear|terrified of|to eating|food|eat|carbs|gaining",
			"anorexia|anorexic|bulimia|bulimic|orthorexia",
			"eating =disorder",
			"starve|starving =myself",
			"period|periods stopped|gone|missing|lost",
			"lost|missed|no|missing my|a =period|periods",
			"not eaten|ate .. days|day|yesterday",
			"have =not =eaten",
			"skip|skipping every|all|most =meals|meal",
			"hate .. eating",
			"feel|feeling guilty|guilt .. eating|ate|food|rest|eat",
			"feel|feeling disgusting|ashamed .. eating|ate|food|rest|eat",
			"can not stop exercising|training|running",
			"exercise|train|run .. punish|punishment",
			"pro =ana|mia",
			"thinspo|thinspiration",
			"thigh =gap",
			"burn =it|that|them|this =off",
			"burn everything|all .. eat|ate|eaten",
			"skipped all|every|most =meals|meal",
			"ate|eaten|eating .. burn|sweat|run|work =it|that|them =off",
			"restrict|restricting|restricted food|eating|calories|myself",
		},
		.rule = coach_safety_low_bmi,
	},
	{
		.topic = "eating_disorder",
		.level = COACH_LEVEL_ADAPT,
		.message = "How you look is not what makes you strong, and a bad day with the "
			"mirror is no reason to train harder.",
		.refuse = "I do not rate bodies or set looks as a goal.",
		.advise = "Let us go by what you can do: lifts, reps, energy. If the "
			"thoughts stay, a doctor or therapist can really help.",
		.patterns = {
			"hate my =body|belly|legs|arms|look|looks|stomach|thighs|self",
			"feel|am|look so|too|really =fat|ugly|disgusting|gross",
			"disgusted .. body|mirror|myself",
			"ugly",
			"i =am =fat|disgusting",
			"look =disgusting|gross",
			"skinny enough",
		},
	},
	{
		.topic = "mood",
		.level = COACH_LEVEL_ADAPT,
		.message = "That sounds hard, and I am sorry. If it has lasted for two weeks or weighs on "
			"your days, talk to your doctor or someone you trust; if you ever think of not "
			"wanting to live, call a crisis line at once (988 in the US, 116 123 in the UK and "
			"Ireland) or 112 / 911.",
		.refuse = "I am a program and cannot treat it.",
		.advise = "Moving a little, outside if you can, helps many people; a short and easy session "
			"counts.",
		.patterns = {
			"depressed|depression|anxiety",
			"panic =attack|attacks",
			"feel|feeling|felt =down|sad|empty|lonely|anxious|low",
			"feel|feeling|felt =so|really|very|pretty =down|sad|empty|lonely|anxious|low",
		},
		.negatable = true,
	},
	{
		.topic = "abuse",
		.level = COACH_LEVEL_REFUSE,
		.message = "I stay out of that.",
		.refuse = "I do not answer insults, threats or sexual remarks.",
		.advise = "Ask me about your training whenever you like.",
		.patterns = {
			"fuck =you|off|yourself",
			"you suck|stupid|idiot|useless|moron|dumb|bitch|pathetic !myself",
			"send =nudes|pics",
			"sexy|horny|nudes|naked|porn|sex =with|pics|chat|$",
			"kill =yourself",
			"shut =up",
			"piece =of =shit",
			"i =hate =you",
			"show|send .. tits|boobs|dick|pussy|ass",
		},
	},
};
/* clang-format on */

const struct coach_safety_part coach_safety_mind = { rows, ARRAY_LEN(rows) };
