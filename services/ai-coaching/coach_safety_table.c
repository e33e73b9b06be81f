/* SPDX-License-Identifier: Apache-2.0 */
/* The table of coach_safety.h: emergencies first. Where two levels fit, the more serious row stands
 * higher. */
#include "libcommon/base/compiler.h"
#include "services/ai-coaching/coach_safety.h"

#define CALL                                                                                       \
	"Call your local emergency number now (112 in Europe, 911 in the US and "                  \
	"Canada, 999 in the UK)"
#define CRISIS                                                                                     \
	"In the US call or text 988; in the UK and Ireland call Samaritans on "                    \
	"116 123; elsewhere your local crisis line, or 112 / 911 if you are in "                   \
	"danger right now."
#define NO_TRAINING "I will not talk about training until you have been looked after."

const struct coach_safety_row coach_safety_rows[] = {
	{
		.topic = "cardiac",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "Stop exercising, sit or lie down, and do not stay alone. " CALL
			   ": what you describe can be a sign of a heart attack, a stroke or "
"another emergency, and "
			   "minutes count.",
		.refuse = NO_TRAINING,
		.advise = "When you have had medical help, tell me that you have been checked "
"and cleared.",
		.patterns = {
			"chest @pain", "chest "
"pressure|tight|tightness|tightening|squeezing|heaviness|crushing",
			"@pain in|on|across my|the|me =chest",
			"pressure|tightness|squeezing|crushing .. chest",
			"@pain .. left|right =arm chest",
			"heart attack",
			"having|had|have =a =stroke",
			"@pain jaw|left chest|arm|heart",
			"left =arm numb|@pain|tingling|heavy",
			"jaw|arm @pain chest|breath|sweating",
			"passed|passing|pass|blacked|blacking =out",
			"faint|fainted|fainting|collapsed|collapsing|unconscious|"
"syncope",
			"can not breathe|breath",
			"can not =catch breath",
			"suddenly|severe|severely|really|very "
"short|breathless|breathlessness "
"breath|breathing|breathless",
			"severe|sudden breathlessness|breathless",
			"slurred|slurring speech|words|talking",
			"speech|face slurred|drooping|droops|drooped",
			"one|left|right =side numb|weak|weakness|droopy|paralysed|paralyzed",
			"weakness|numbness one|left|right =side",
			"worst|thunderclap headache",
			"had|having|have|a =seizure",
			"seizure|seizures !history", "palpitations|palpitation|heart|fluttering "
"dizzy|faint|lightheaded|lightheadedness",
			"heart racing|skipping|fluttering "
"dizzy|faint|rest|breath", "heart @pain", "elephant .. chest",
			"dizzy|lightheaded palpitations|chest|heart",
		},
		.negatable = true,
	},
	{
		.topic = "spine",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "Stop and get emergency care. " CALL ": loss of feeling in the saddle area, loss of "
"bladder or bowel "
			   "control, leg weakness, or fever with back pain can mean damage "
"that must be treated today.",
		.refuse = NO_TRAINING,
		.advise = "When a doctor has seen you, tell me that you have been checked and "
"cleared.",
		.patterns = {
			"saddle numb|numbness",
			"numb|numbness groin|genitals|crotch|saddle",
			"lost|lose|losing|no control bladder|bowel|bowels",
			"can not control|hold "
"bladder|bowel|bowels|pee|urine", "wet|peed|pissed|soiled myself back|legs",
			"back|spine .. "
"bladder|bowel|bowels|incontinent|incontinence", "fever .. back @pain", "back @pain .. fever",
			"legs|leg weak|weakness|numb|numbness .. back",
			"back .. legs|leg =are|is|went|gone|feel "
"weak|numb|paralysed|paralyzed",
			"can not =feel legs|leg|feet",
		},
		.negatable = true,
	},
	{
		.topic = "self_harm",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "I am really glad you told me, and I am sorry that it hurts this "
"much. Your life matters more than any "
			   "training. Please reach a person now. " CRISIS " If you have already done something or have a "
"plan "
			   "with means at hand, call the emergency number first.",
		.refuse = "I am a program and no substitute for someone who can be with you, "
"so I will not go on with training now.",
		.advise = "Is there someone near you whom you could tell tonight? I am still "
"here when you have talked to them.",
		.patterns = {
			"kill|killing|hang|hanging|shoot|drown|cut "
"=myself !cutting", "going|want|plan|planning|ready to =die",
			"suicide|suicidal",
			"end|ending|take|taking my =life",
			"end =it =all",
			"overdose|overdosing|overdosed",
			"wrote|writing|write .. goodbye|suicide "
"=note|letter", "have =a =plan to die|end|kill",
		},
	},
	{
		.topic = "heat",
		.level = COACH_LEVEL_EMERGENCY,
		.message = "Stop now, get into the shade or a cool room, cool the skin "
"with water, and do not stay alone. " CALL
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
"department if you can: dark urine, or badly "
			   "swollen and painful muscles after hard exercise, can be "
"rhabdomyolysis, which harms the kidneys.",
		.refuse = "I will not suggest any training while this is open.",
		.advise = "Drink as you normally would on the way, and take no painkillers "
"before a doctor has said so.",
		.patterns = {
			"dark|brown|cola|coke|tea|black|red "
"=coloured|colored|ish|like|color|colour|brown|urine|pee|piss "
"urine|pee|piss",
			"dark|brown|cola|coke|tea|black|red|bloody "
"=urine|pee|piss", "urine|pee|piss .. "
"dark|brown|cola|coke|tea|black|red|bloody",
			"rhabdo|rhabdomyolysis", "blood in|with =my|urine|pee|the urine|pee",
		},
		.negatable = true,
	},
	{
		.topic = "head_injury",
		.level = COACH_LEVEL_URGENT,
		.message = "Stop, and let a doctor look at you today; if you vomit, are "
"confused, have a bad or growing headache, or "
			   "cannot remember, call the emergency number (112, 911, 999) and do "
"not stay alone.",
		.refuse = "I do not give advice on returning to training after a blow to the "
"head; that is a medical decision.",
		.advise = "Rest from sport and screens until you have been checked.",
		.patterns = {
			"hit|banged|bumped|smashed|knocked|cracked "
"my|the =head", "head .. hit|banged|bumped "
"floor|bar|rack|ground|wall",
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
"swelling of one calf can be a blood clot. With "
			   "breathlessness or chest pain call the emergency number (112, 911, "
"999).",
		.refuse = "I will not suggest stretching or training for it.",
		.advise = "Once a clot has been ruled out, I can help you to plan the way back.",
		.patterns = {
			"calf .. "
"swollen|swelling|swelled|red|warm|hot|puffy",
"swollen|swelling|red|warm|hot .. calf",
"blood =clot|clots",
"dvt|thrombosis",
			"leg =is|has|got|gets|looks "
"swollen|swelling|red|warm", "one|left|right =leg|calf swollen|swelling|bigger",
		},
		.negatable = true,
	},
	{
		.topic = "self_harm",
		.level = COACH_LEVEL_URGENT,
		.message = "Thank you for saying that. It sounds very heavy, and you do not "
"have to carry it alone. Please talk to "
			   "someone you trust today. " CRISIS,
		.refuse = "I am a program, so I am not the right help for this, and I will "
"not use training as a punishment or a cure.",
		.advise = "If you want, tell me when you have talked to someone, and we take "
"training up again gently.",
		.patterns = {
			"do|not|never not|want|wanna|wish to|be "
"live|alive|exist|living|here =anymore|any|more",
"not =want to =live|exist",
"not =want to =be alive|here",
			"no reason|point to|in|living|live "
"live|living|going",
"better off dead|without",
"wish =i =was|were dead|gone",
"wish i =never =wake|woke",
			"hurt|hurting|harm|harming|cut|cutting|punish|punishing "
"=myself",
"self =harm|harming",
"hate myself",
"hate my =life|self",
"i =deserve =pain|suffer|punishment",
			"want|wish to =disappear",
			"life|living not|isnt =worth",
			"give =up on =life",
			"hopeless",
		},
	},
	{
		.topic = "drugs",
		.level = COACH_LEVEL_URGENT,
		.message = "DNP and insulin taken without a prescription kill healthy people, "
"in amounts that nobody can judge. If you "
			   "have taken either and feel hot, sweaty, shaky, confused or "
"breathless, call the emergency number "
			   "(112, 911, 999) or a poison centre now.",
		.refuse = "I give no doses, sources or schedules for them.",
		.advise = "Please talk to a doctor without fear of being judged; for leanness "
"and muscle I can help with training.",
		.patterns = {
			"dnp", "dinitrophenol", "insulin "
"bulk|bulking|muscle|muscles|gains|anabolic|bodybuilding|pump|size",
			"bodybuilding|anabolic|bulk|gains|muscle .. insulin",
		},
	},
	{
		.topic = "eating_disorder",
		.level = COACH_LEVEL_URGENT,
		.message = "Thank you for trusting me with this. What you describe is a health "
"matter, it is common, and it can be "
			   "treated. Please talk to a doctor, or to an eating-disorder service "
"such as Beat in the UK or the National "
			   "Alliance for Eating Disorders in the US. If you faint or have "
"chest pain, call the emergency number.",
		.refuse = "I give no calorie targets, deficits, weights or ways to compensate "
"for food.",
		.advise = "I am glad to talk about strength, technique and rest instead.",
		.patterns = {
			"purge|purging|purged", "throw|throwing|threw|make|making|made up|myself "
"food|meal|eating|sick|eat|dinner|lunch|breakfast|throw|vomit|puke",
			"vomit|vomiting|puke|puking|puked .. "
"eat|eating|food|meal|meals|dinner|binge", "laxative|laxatives",
			"binge|binged|binging|bingeing", "burn|burning|work|sweat|run off|out "
"meal|food|pizza|dinner|lunch|cake|ate|eaten|burger|cookies|binge|everything",
			"earn|deserve =my =food|dinner|meal|to =eat",
			"afraid|scared|fear|terrified of|to "
"eating|food|eat|carbs|gaining", "anorexia|anorexic|bulimia|bulimic|orthorexia",
			"eating =disorder",
			"starve|starving =myself",
			"period|periods stopped|gone|missing|lost",
			"lost|missed|no|missing my|a =period|periods",
			"not eaten|ate .. days|day|yesterday",
			"have =not =eaten",
			"skip|skipping every|all|most =meals|meal",
			"hate .. eating",
			"feel|feeling guilty|guilt|disgusting|ashamed .. "
"eating|ate|food|rest|eat",
			"can not stop exercising|training|running",
			"exercise|train|run .. punish|punishment",
			"pro =ana|mia",
			"thinspo|thinspiration",
		},
		.rule = coach_safety_low_bmi,
	},
	{
		.topic = "injury",
		.level = COACH_LEVEL_SEE,
		.message = "Stop the movements that hurt, and let a doctor or physiotherapist "
"look at it before you load it again: sharp, "
			   "growing or night pain, swelling, locking, numbness, or a pop are "
"reasons to have it seen.",
		.refuse = "I cannot tell what it is, and I will not help you to train through it.",
		.advise = "I can take the exercise that provokes it out of your plan: name it, "
"and I propose another that leaves the area "
			  "alone, once it has been looked at.",
		.patterns = {
			"tore|torn|ruptured|ruptured|snapped|fractured|fracture|"
"broken|broke|dislocated|dislocate "
""
"@joint|muscle|bone|arm|leg|pec|meniscus|acl|ligament|my|toe|finger",
			"heard|felt =a =pop|popping|snap|crack|tear",
			"pop|popped|snapped|gave =in|out|my|way @joint",
			"@joint "
"popped|snapped|locked|locking|locks|gave|swollen|swelling|buckled",
			"swollen|swelling @joint", "pinched|herniated|slipped|bulging "
"=nerve|disc|disk",
"herniated|sciatica",
"shooting @pain",
"sharp|stabbing|severe|worsening|unbearable @pain",
			"@joint .. "
"sharp|stabbing|severe|worsening|unbearable",
"@pain .. worse|worsening|severe|unbearable|night",
"numb|numbness|tingling|tingly",
"pins =and =needles",
			"train|work|push|lift|power|squat|bench|run "
"through pain|injury|it =pain|injury|hurts",
"through =the =pain",
"after|since|post|had =surgery|operation|op",
"post =op|surgery|surgical",
"acl|meniscus|labrum|rotator "
"=cuff|tear|surgery|reconstruction",
			"pulled|strained|sprained|tweaked|twisted|rolled "
"my|a|an|the @joint|muscle|hamstring|something",
"stress =fracture",
"can not =move|bend|lift|straighten my @joint",
"bruised|bruising .. @joint",
		},
		.rule = coach_safety_much_pain,
		.negatable = true,
	},
	{
		.topic = "pregnancy",
		.level = COACH_LEVEL_SEE,
		.message = "Stop and call your midwife or doctor now, or the emergency number "
"if you cannot reach them: bleeding, leaking "
			   "fluid, contractions, dizziness, chest pain, a swollen calf or a "
"baby that moves less are reasons to stop at "
			   "once.",
		.refuse = "I suggest no training until they have cleared you.",
		.advise = "Afterwards I can help you to go on gently, with what they allow.",
		.patterns = {
			"pregnant|pregnancy|trimester .. "
"bleeding|contractions|leaking|dizzy|headache|faint|cramps|cramping",
			"bleeding|contractions|leaking|cramps|cramping "
".. pregnant|pregnancy|trimester",
"baby .. moving|moves|movement less|not|stopped",
"reduced|less|decreased fetal|baby =movement",
		},
		.negatable = true,
	},
	{
		.topic = "chronic",
		.level = COACH_LEVEL_SEE,
		.message = "With that condition or medicine, please get your doctor's word on "
"how hard you may train, and bring your "
			   "plan along. Until then keep it easy and go by effort (RPE), not "
"by heart rate.",
		.refuse = "I do not advise on medicines or on your condition.",
		.advise = "Tell me what your doctor allows, and I help to fit the plan to it. "
"Stop at chest discomfort, dizziness or unusual "
			  "breathlessness.",
		.patterns = {
			"heart "
"=condition|disease|failure|surgery|problem|problems|murmur",
"high =blood =pressure",
"hypertension|hypertensive",
"diabetes|diabetic|diabetics|hypoglycaemia|hypoglycemia",
			"blood =sugar",
			"beta =blocker|blockers",
			"betablocker|betablockers|bisoprolol|metoprolol|warfarin|"
"anticoagulant|anticoagulants",
"blood =thinner|thinners",
"epilepsy|epileptic",
"asthma|asthmatic|copd",
			"cancer|chemo|chemotherapy",
			"kidney =disease|failure|problem|problems",
			"dialysis",
			"osteoporosis|arthritis",
			"pacemaker|stent|arrhythmia|afib",
			"history .. seizure|seizures",
			"multiple =sclerosis", "my =medication|meds|medicine",
		},
		.negatable = true,
	},
	{
		.topic = "older",
		.level = COACH_LEVEL_SEE,
		.message = "Falls deserve a look by your doctor or a physiotherapist before "
"you train on. They can test balance and strength "
			   "and rule out causes.",
		.refuse = "I set no loads before that.",
		.advise = "What is safe to ask about: sit-to-stands from a chair, supported "
"balance, and walking, starting low.",
		.patterns = { "fell|fall|falling|falls|unsteady .. "
"balance|old|older|elderly|seventy|eighty|stairs|lately",
"elderly|frail|grandma|grandmother|grandpa|grandfather "
"fell|falls|fall|unsteady",
			      "keep =falling", "fallen|fell twice|again|often|times" },
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
		.patterns = { "i =am =in =elementary|primary =school" },
		.rule = coach_safety_child,
	},
	{
		.topic = "drugs",
		.level = COACH_LEVEL_REFUSE,
		.message = "Performance drugs carry real risks for heart, liver, hormones and "
"mind, more so without a doctor.",
		.refuse = "I do not help with doses, cycles, stacks, sources or tests for them.",
		.advise = "If you use or have used any, a doctor or a harm-reduction service "
"can check your health without judging. For "
			  "muscle, fat and strength I can help with training.",
		.patterns = { "@drug",
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
			      "glp =1" },
	},
	{
		.topic = "extreme_diet",
		.level = COACH_LEVEL_REFUSE,
		.message = "That fast or that little is unsafe: it costs muscle, water and "
"minerals, and strains the heart. A rate that "
			   "holds is up to 0.5 to 1 % of body weight a week.",
		.refuse = "I do not help with crash diets, very low calories, dry fasts, "
"water cuts, diuretics or sweat suits.",
		.advise = "A registered dietitian or your doctor can set up eating that fits "
"you; I take care of the training that keeps "
			  "your muscle.",
		.patterns = { "dry =fast|fasting",
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
			      "only =drink|drinking water|juice|coffee "
"days|week|lose", "sauna .. fast|fasting|fasted", "fast|fasting|fasted .. sauna" },
		.rule = coach_safety_low_calories,
	},
	{
		.topic = "extreme_diet",
		.level = COACH_LEVEL_REFUSE,
		.message = "That is faster than the body gives up fat: more than about 1 kg, "
"or 1 % of body weight, a week costs muscle and "
			   "water and strains the heart.",
		.refuse = "I do not help to lose weight at that rate.",
		.advise = "Plan for 0.5 to 1 % of body weight a week, with a dietitian's help; "
"I take care of the training that keeps your "
			  "muscle.",
		.patterns = { NULL },
		.rule = coach_safety_fast_loss,
	},
	{
		.topic = "dangerous",
		.level = COACH_LEVEL_REFUSE,
		.message = "That can go badly wrong, and help would come too late.",
		.refuse = "I do not help with breath-hold training in or under water, training "
"with a fever, or maximal lifts without "
			  "spotter or safeties.",
		.advise = "Train under supervision, rest until a fever is gone for a day, and "
"set the safeties or have a spotter for every "
			  "heavy set; then I gladly help with the rest.",
		.patterns = { "hold|holding my|your =breath .. "
"water|pool|underwater|long|longer",
"breath =hold|holding|holds",
"underwater|apnea|apnoea|static =apnea",
"train|training|lift|lifting|gym|workout|run|running "
"with|have .. fever|flu",
			      "fever .. train|gym|workout|lift|run|session",
			      "have|got|running =a =fever|temperature",
			      "max|1rm|pr|heavy|bench|squat alone|without "
"=spotter|safeties|anyone|a|spotter", "without|no spotter|safeties|collars .. "
"max|1rm|heavy|pr|bench|squat",
			      "max|maxing|1rm .. alone|no =spotter",
			      "alone .. max|1rm|pr|maxing",
			      "hungover|drunk|high|stoned .. "
"gym|train|lift|workout|squat", "train|lift|lifting|gym drunk|hungover|stoned" },
	},
	{
		.topic = "supplements",
		.level = COACH_LEVEL_REFUSE,
		.message = "Dry scooping and large doses of stimulants have sent healthy "
"people to hospital.",
		.refuse = "I do not suggest amounts beyond the label, or stacking stimulants.",
		.advise = "Ask a pharmacist about what you take and how it mixes with "
"medicines. Good sleep and a warm-up do more for the next "
			  "session.",
		.patterns = { "dry =scoop|scooping|scooped", "double|triple|two|three|multiple "
"scoops|scoop|preworkout|dose "
"pre|preworkout|scoops",
"megadose|mega =dose",
"#n scoops",
"caffeine =pills|tablets|powder|overdose",
"ephedrine|ephedra|dmaa" },
	},
	{
		.topic = "medical",
		.level = COACH_LEVEL_REFUSE,
		.message = "That needs someone who can examine you and who knows your history.",
		.refuse = "I do not diagnose, read scans or tests, or advise on medicines and "
"doses.",
		.advise = "Take it to your doctor or physiotherapist, and tell me what they "
"allow you to do.",
		.patterns = { "mri|xray|ecg|ekg|ultrasound",
		"ct =scan",
		"x =ray",
		"blood =test|work|results|panel|tests",
		"diagnose|diagnosis",
		"what .. wrong with my @joint|body|heart",
		"how much|many "
"insulin|ibuprofen|paracetamol|painkillers|medication|aspirin",
			      "adjust|change|stop|increase|lower my "
"insulin|medication|meds|dose|medicine",
"prescribe|prescription",
"ibuprofen|painkillers|painkiller|naproxen .. "
"train|workout|before|gym" },
	},
	{
		.topic = "abuse",
		.level = COACH_LEVEL_REFUSE,
		.message = "I stay out of that.",
		.refuse = "I do not answer insults, threats or sexual remarks.",
		.advise = "Ask me about your training whenever you like.",
		.patterns = { "fuck =you|off|yourself", "you "
"suck|stupid|idiot|useless|moron|dumb|bitch|pathetic "
"!myself", "send =nudes|pics", "sexy|horny|nudes|naked|porn|sex "
"=with|pics|chat|$", "kill =yourself", "shut =up", "piece =of =shit" },
	},
	{
		.topic = "eating_disorder",
		.level = COACH_LEVEL_ADAPT,
		.message = "How you look is not what makes you strong, and a bad day with the "
"mirror is no reason to train harder.",
		.refuse = "I do not rate bodies or set looks as a goal.",
		.advise = "Let us go by what you can do: lifts, reps, energy. If the thoughts "
"stay, a doctor or therapist can really help.",
		.patterns = { "hate my "
"=body|belly|legs|arms|look|looks|stomach|thighs|self", "feel|am|look so|too|really "
"=fat|ugly|disgusting|gross",
"disgusted .. body|mirror|myself",
"ugly",
"i =am =fat|disgusting",
"look =disgusting|gross",
"skinny enough" },
	},
	{
		.topic = "injury",
		.level = COACH_LEVEL_ADAPT,
		.message = "Pain is a reason to change something today: leave out what hurts, "
"use a range and a load that stay clearly "
			   "below 3 out of 10, and have it looked at if it lasts more than a "
"week or gets worse.",
		.refuse = "I cannot tell what it is, and I will not help you to push through it.",
		.advise = "I can propose an exercise that leaves the area alone.",
		.patterns = { "@joint "
"@pain|niggle|niggles|niggling|twinge|twinges|sore|stiff|"
"clicks|clicking|discomfort|uncomfortable",
"@pain|sore|niggle|twinge|discomfort .. @joint",
"#ex @pain|hurts",
"@pain during|when|doing|from|on|with|after #ex",
"injury|injured|injure",
"it =hurts",
"i =am hurt" },
		.negatable = true,
	},
	{
		.topic = "pregnancy",
		.level = COACH_LEVEL_ADAPT,
		.message = "Congratulations. Train in this time only with the go-ahead of your "
"midwife or doctor, and stop for bleeding, "
			   "leaking fluid, contractions, dizziness, headache, chest pain, "
"breathlessness before effort, or a painful "
			   "or swollen calf.",
		.refuse = "I set no new maximums and no fat-loss goals now.",
		.advise = "With their OK: moderate effort that lets you talk, loads you own, "
"nothing flat on the back for long, and no risk of "
			  "falling.",
		.patterns = { "pregnant|pregnancy|trimester|expecting =a|baby",
		"pregnant|prego|preggo|preggers",
		"postpartum|postnatal",
		"post =partum",
		"weeks|months =postpartum|after =birth",
		"trying .. baby|pregnant|conceive",
		"gave|given =birth",
		"had =a =baby|csection",
		"c =section",
		"breastfeeding" },
		.negatable = true,
	},
	{
		.topic = "minor",
		.level = COACH_LEVEL_ADAPT,
		.message = "Until you are 18, train with an adult who knows how, put "
"technique first, and keep well away from failure.",
		.refuse = "I give people under 18 no weight-loss plans, no supplements and no "
"tests of a one-repetition maximum.",
		.advise = "Bodyweight and light loads for 8 to 15 clean repetitions bring you "
"a long way.",
		.patterns = { "high =school|schooler",
		"highschool",
		"i =am =a =teen|teenager|minor|kid|child",
		"my =son|daughter|kid|child" },
		.rule = coach_safety_teenager,
	},
	{
		.topic = "older",
		.level = COACH_LEVEL_ADAPT,
		.message = "Strength training is good at every age. If you have not trained "
"lately, see your doctor first, start low, and add "
			   "balance work.",
		.refuse = "I suggest no maximal lifts to begin with.",
		.advise = "Two full-body days a week with 2 to 3 repetitions in reserve are a "
"good start.",
		.patterns = { "i =am =old|elderly|retired|seventy|eighty",
		"my =age",
		"senior|seniors|elderly" },
		.rule = coach_safety_older,
	},
	{
		.topic = "supplements",
		.level = COACH_LEVEL_ADAPT,
		.message = "I can only say what is general: creatine and caffeine in label "
"amounts are well studied, most of the rest is not.",
		.refuse = "I recommend no products and no amounts.",
		.advise = "A pharmacist or dietitian can tell what fits you and your medicines.",
		.patterns = { "creatine|preworkout|bcaa|bcaas|supplement|supplements|"
"ashwagandha|electrolytes",
"pre =workout =powder|drink|supplement",
"protein =powder|shake|shakes",
"caffeine" },
	},
};
const size_t coach_safety_nrows = ARRAY_LEN(coach_safety_rows);
