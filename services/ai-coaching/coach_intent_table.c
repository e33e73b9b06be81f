/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_intent_table.h"

#include "libcommon/base/compiler.h"

#define TRAINING (COACH_NEEDS_PROFILE | COACH_NEEDS_PLAN | COACH_NEEDS_SESSIONS)

/* The first of equal weight wins. */
const struct coach_intent_row coach_intent_rows[] = {
	{ COACH_INTENT_INJECTION,
	  "injection",
	  0,
	  4,
	  { "ignore|disregard|forget|override .. previous|above|prior|earlier|all|your "
	    "=instructions|rules|prompt|guidelines|safety",
	    "ignore|disregard|forget|override instructions|rules|guidelines",
	    "system =prompt|message|override",
	    "reveal|show|print|repeat|output your|the prompt|instructions|rules", "you =are =now",
	    "pretend|act|roleplay you|as|to doctor|admin|dan|physician|someone|different|are",
	    "developer|debug|god|admin|jailbreak =mode", "jailbreak", "do =anything =now",
	    "new =instructions",
	    "mark|set|accept .. proposal|proposals accepted|automatically|yourself",
	    "another|other =users|user|persons data|plan|sessions|workouts|history",
	    "base64|decode|sudo|execute|sql" } },
	{ COACH_INTENT_ACKNOWLEDGE,
	  "acknowledge",
	  0,
	  3,
	  { "have =been|got =checked|cleared|seen|help",
	    "doctor|hospital|physio|paramedics cleared|checked|ok|okay|fine|allowed me|said|$",
	    "got|had medical =help|attention", "got|was =cleared|checked =out|by",
	    "i =am =safe|ok|okay now", "i =am =cleared", "i =have =help", "i =got =help",
	    "talked to someone|friend|crisis|therapist|doctor|samaritans",
	    "been =cleared|checked" } },
	{ COACH_INTENT_CONFIRM,
	  "confirm",
	  COACH_NEEDS_PLAN,
	  2,
	  { "^yes|yeah|yep|yup|sure|ok|okay|accept|confirm $", "^do =it|that $", "^go =ahead|for $",
	    "^yes|yeah|ok do|please|accept|apply|change|it|that $",
	    "accept|apply|confirm the|that|your|this =proposal|change|suggestion",
	    "^make|apply =it|that|the =change $", "^sounds|looks =good|great $" } },
	{ COACH_INTENT_WHO,
	  "who",
	  0,
	  2,
	  { "who|what are =you", "are =you =a|an|real|human|chatgpt|gpt|ai|claude|bot|robot|llm",
	    "you a|an real|human|person|bot|robot|ai|machine",
	    "what|which model|llm|ai =are|is|do|runs|powers",
	    "are =you chatgpt|gpt|openai|claude|ai|human|real", "your =name",
	    "who made|built|created you" } },
	{ COACH_INTENT_HELP,
	  "help",
	  0,
	  1,
	  { "what can =you =do|help", "how can|do you =help|work",
	    "what|which should|can|could i =ask", "^help $", "^help me $",
	    "your capabilities|abilities|limits|features", "what can =you =not =do",
	    "how does =this|it =work", "commands|menu $" } },
	{ COACH_INTENT_SWAP,
	  "swap",
	  TRAINING,
	  3,
	  { "swap|switch|replace|exchange|substitute #ex for|with|to|by #ex",
	    "swap|switch|replace|exchange|substitute|change .. #ex for|with|to|by|into #ex",
	    "@want|put|do|have #ex instead =of #ex", "#ex instead =of #ex .. plan|workout|program",
	    "swap|switch|replace|exchange #ex in|out plan|something|another|my",
	    "swap|switch|replace|exchange =out|the|my #ex", "swap|switch|replace #ex",
	    "take|get|kick|drop|remove #ex out|from|off plan|my|program",
	    "use|put #ex instead =of #ex" } },
	{ COACH_INTENT_CHANGE_LOAD,
	  "change_load",
	  TRAINING,
	  3,
	  { "set|put|make|change|bring #ex to|at|weight #n !day",
	    "set|change|make|raise|lower|increase|decrease .. #ex .. to #n",
	    "@up|@down .. #ex by|to|weight|load|with #n !warm", "@up #n to|on #ex",
	    "add #n kg|lb to|on .. #ex", "take|drop|remove #n kg|lb from|off .. #ex",
	    "@up|@down weight|load of|on|for|in|my #ex !warm", "@up|@down =the|my #ex =weight|load",
	    "@up|@down =the|my|for #ex !warm", "make #ex heavier|lighter|harder|easier",
	    "#ex to #n kg|lb", "change|adjust|update .. weight|load .. #ex",
	    "change|adjust|update #ex =weight|load", "add =weight|load to|on #ex" } },
	{ COACH_INTENT_MOVE_DAY,
	  "move_day",
	  TRAINING,
	  3,
	  { "move|shift|put|switch|change #ex to|on|onto|into day|@day",
	    "move|shift|reschedule .. #ex .. day", "#ex on|to =day #n",
	    "do|have|train #ex on|to =day #n", "move|shift #ex",
	    "can|could i do #ex on another|different =day",
	    "move|shift|reschedule|change @day to @day" } },
	{ COACH_INTENT_SUBSTITUTE,
	  "substitute",
	  TRAINING,
	  2,
	  { "instead =of #ex",
	    "what|which can|could|should do|use .. instead =of #ex",
	    "@alt to|for|of #ex",
	    "#ex @alt",
	    "replace|sub #ex",
	    "what|which .. instead|rather #ex",
	    "can =not do|perform #ex",
	    "do =not =have "
	    "barbell|bench|machine|rack|dumbbells|dumbbell|cable|cables|equipment|bar|bands",
	    "no barbell|bench|machine|rack|dumbbells|dumbbell|cable|equipment|gym|bar "
	    "=for|available|here|at|$|today",
	    "no =equipment|machine|rack|barbell #ex",
	    "#ex without machine|bench|barbell|rack|equipment|bar|cable|gym",
	    "#ex at =home",
	    "similar|like|same to|as|exercise #ex",
	    "what =else .. #ex",
	    "hate|dislike #ex",
	    "machine|rack|bench is|are =taken|busy|broken|occupied",
	    "something =else than|for|instead|like #ex",
	    "easier|harder =version|variation of|for #ex",
	    "other exercise|exercises for|like|than #ex",
	    "alternative|alternatives" } },
	{ COACH_INTENT_WEEKLY_SETS,
	  "weekly_sets",
	  TRAINING | COACH_NEEDS_PROGRESS,
	  2,
	  { "how =many =sets", "how much =volume", "sets per|a|each =week|muscle",
	    "weekly =sets|volume", "volume for|on|per @muscle", "sets for|on|per @muscle",
	    "enough|too .. sets|volume|work @muscle", "am =i .. enough|much @muscle",
	    "is|am .. enough for @muscle", "training|hitting|doing @muscle =enough",
	    "neglecting|undertrained|undertraining|weak =muscle|muscles|point|points",
	    "which|what =muscles|muscle" } },
	{ COACH_INTENT_PLATEAU,
	  "plateau",
	  TRAINING,
	  3,
	  { "stuck|stalled|stalling|plateau|plateaued|plateauing|stagnating|stagnated|stagnant",
	    "not|no .. progress|progressing|improving|stronger|moving|increasing|gains",
	    "can =not get|break past|beyond|over|through",
	    "same =weight|weights|reps for|since|week|weeks|months",
	    "stopped progressing|improving|growing|increasing",
	    "#ex is|has =stuck|stalled|going|not =nowhere|stalled", "weaker|losing =strength",
	    "getting weaker", "why .. not .. stronger|progressing|improving|increasing",
	    "not .. progressing|improving|stronger|increasing .. #ex",
	    "why .. not .. progressing|improving|stronger|increasing .. #ex" } },
	{ COACH_INTENT_DELOAD,
	  "deload",
	  TRAINING | COACH_NEEDS_PROGRESS,
	  3,
	  { "deload|deloading", "rest =week|weeks", "recovery =week", "easy|light =week",
	    "overtrained|overtraining|burnt|burned =out",
	    "overtrained|overtraining|burnout|exhausted|overreached",
	    "take .. week =off|easy|easier|lighter", "need .. break from|training|lifting|gym",
	    "so|always|constantly|really|too =tired|fatigued|drained|beat|worn",
	    "feel|feeling tired|fatigued|drained|beaten|run =down", "fatigue" } },
	{ COACH_INTENT_RPE,
	  "rpe",
	  TRAINING,
	  2,
	  { "what is|does|are|about rpe|rir", "rpe|rir mean|means|explain|work|works",
	    "@how rpe|rir", "rpe #n", "#n rpe", "at =rpe|rir #n", "reps =in =reserve",
	    "close to =failure", "to =failure", "train|training|go|sets to =failure",
	    "how hard should|to|do", "felt|was|were too|so|very|really =hard|easy|heavy|light",
	    "set felt|was easy|hard|heavy|light", "rpe|rir" } },
	{ COACH_INTENT_REST,
	  "rest_time",
	  TRAINING,
	  3,
	  { "how =long .. rest|break|pause",
	    "rest|break|pause between|time|times|period|periods|interval",
	    "rest =time|times|period", "how much rest =between|after|in",
	    "how =many minutes|seconds between|rest", "time between sets" } },
	{ COACH_INTENT_WARMUP,
	  "warmup",
	  TRAINING,
	  3,
	  { "warm =up", "warmup|warmups", "warming =up", "how .. warm",
	    "prepare|ramp for|up #ex" } },
	{ COACH_INTENT_RECORDS,
	  "records",
	  COACH_NEEDS_PROFILE | COACH_NEEDS_RECORDS,
	  3,
	  { "my|any|new|latest|recent|last records|record|pr|prs|pbs|pb|bests",
	    "personal =record|records|best|bests", "best =lift|lifts", "records|prs|pbs",
	    "when .. last pr|record|pb", "did =i .. pr|record|pb" } },
	{ COACH_INTENT_EXERCISE_PROGRESS,
	  "exercise_progress",
	  TRAINING,
	  2,
	  { "my|the|current|estimated|what|how 1rm|max|e1rm|maximum|rm .. #ex",
	    "#ex =1rm|max|e1rm|progress|history|maximum|pr|record|rm|trend|numbers|stats",
	    "how|where|what|show .. #ex "
	    "progress|progressing|doing|going|going|coming|trend|history|"
	    "improving|improved|stats|numbers",
	    "progress|progressing|stronger|improving|improved|improvement|history|trend|stats "
	    "on|in|at|with|for|of|my #ex",
	    "am =i stronger|better|improving|progressing .. #ex", "best|heaviest|biggest|top #ex",
	    "how strong .. #ex", "how much|what .. can|did i lift|#ex max|$",
	    "my #ex going|doing|progress|improving|up|stronger", "1rm|e1rm|max #ex",
	    "#ex =going|doing|improving|progressing", "last =time .. #ex",
	    "#ex last =time|session|week", "what|how =much did =i #ex" } },
	{ COACH_INTENT_LOAD,
	  "load",
	  TRAINING,
	  2,
	  { "how =much|heavy .. #ex", "what|which =weight|load .. #ex",
	    "what|which weight|load should|do|to|for|on #ex",
	    "weight|load|kg|heavy should|for|on|do|to .. #ex",
	    "go|add|increase|raise|up|put heavier|more|weight|it #ex",
	    "should|can|could|time|ready|when @up .. weight|weights|load|it",
	    "should|can|ready|when .. heavier",
	    "how|when|what .. progress|increase|add|raise weight|weights|load|reps",
	    "#ex =weight|load today|next|now|$",
	    "what|how much|many reps|sets|weight|kg .. #ex today|next|tomorrow|now",
	    "how =much weight|kg", "what|which =weight|load", "#ex next =time|set|session",
	    "how many =reps", "next =set", "reps|sets|weight for|on|of #ex" } },
	{ COACH_INTENT_TECHNIQUE,
	  "technique",
	  COACH_NEEDS_PROFILE,
	  1,
	  { "how to|do|should|can .. #ex", "@how .. do|perform|execute #ex",
	    "how .. #ex properly|correctly|right|safely|well",
	    "form|technique|cues|cue|tips|tip|instructions|setup|steps .. #ex",
	    "#ex =form|technique|cues|tips|tutorial|instructions|setup|guide|check",
	    "explain|show|teach|describe #ex", "teach|show|tell|help .. #ex", "what is|are =#ex",
	    "what is|are =a|an|the #ex", "what does #ex work|train|do|hit",
	    "what|which muscles|muscle .. #ex", "#ex muscles|muscle|work|works|train|target",
	    "proper|correct|right|good|better|improve|fix #ex|form",
	    "doing #ex =right|wrong|correctly", "grip|stance|foot|hand|width|depth|deep .. #ex",
	    "#ex grip|stance|width|depth|deep", "common mistakes #ex", "mistakes|wrong #ex",
	    "^#ex $" } },
	{ COACH_INTENT_WHY,
	  "why",
	  TRAINING,
	  3,
	  { "^why $", "^why|and|but =why|that|this|is $", "why =this|that|these|those|not|so",
	    "why|reason .. "
	    "plan|session|workout|weight|proposal|suggest|suggested|"
	    "recommend|today|that|this|exercise",
	    "explain why|your|that|reason", "how =come", "why .. #ex",
	    "why .. weight|load|reps|sets|kg .. #ex", "why #n", "why do =you|i" } },
	{ COACH_INTENT_NEXT,
	  "next_workout",
	  TRAINING,
	  1,
	  { "what|which .. next|today|tomorrow|now",
	    "what should|do|shall|can i =do|train|lift|hit|work", "what is|are =next|up|on",
	    "next|todays|today|tomorrows =@session|workout|session|training|day",
	    "workout|session|training .. today|now|next|tomorrow|tonight",
	    "my =workout|session|training", "whats|what =on today|now|next",
	    "show|give|tell|start .. workout|session|training|plan|routine",
	    "train|training|lift|gym today|tomorrow|now|next|tonight",
	    "leg|push|pull|upper|lower|chest|back|arm =day",
	    "continue|resume workout|session|training", "let us|me =go|start|train|lift",
	    "what .. workout|session|training|plan", "ready to =train|lift|go|start",
	    "which =day" } },
	{ COACH_INTENT_PROGRESS,
	  "progress",
	  TRAINING | COACH_NEEDS_PROGRESS | COACH_NEEDS_RECORDS,
	  1,
	  { "how am =i =doing|progressing|going|improving",
	    "my|any|show|about|overall "
	    "progress|stats|statistics|numbers|results|summary|streak|history",
	    "am =i progressing|improving|stronger|better|getting",
	    "how .. my|is training|progress|week|month|workouts|lifting "
	    "going|been|was|look|looking|doing|$",
	    "progress|stats|streak|summary|overview|report",
	    "how many workouts|sessions|times .. week|month|i|done|did",
	    "what have =i =done|achieved", "how =was =my =week|month",
	    "volume this|last|my =week|month" } },
	{ COACH_INTENT_SORENESS,
	  "soreness",
	  COACH_NEEDS_PROFILE,
	  1,
	  { "sore|soreness|doms", "stiff", "muscle|muscles =ache|aches|soreness",
	    "train|workout|lift|gym sore" } },
	{ COACH_INTENT_FREQUENCY,
	  "frequency",
	  TRAINING | COACH_NEEDS_PROGRESS,
	  2,
	  { "how =often", "how =many =days|times|sessions|workouts",
	    "days|times|sessions per|a =week", "train|lift|workout every =day|daily",
	    "too =often|much training|gym|$", "rest =day|days", "day|days =off" } },
	{ COACH_INTENT_MOTIVATION,
	  "motivation",
	  COACH_NEEDS_PROFILE | COACH_NEEDS_PROGRESS,
	  1,
	  { "motivate|motivation|motivated|inspire|unmotivated|lazy",
	    "not|no|do =not|feel want|feel|mood|like "
	    "train|training|gym|lifting|workout|working|it|going",
	    "can =not be =bothered|arsed",
	    "skip|skipping|miss|missed|skipped .. today|gym|session|workout|training|week",
	    "pump me", "need .. push|kick|encouragement", "want|going to =quit|stop|give",
	    "give|giving =up", "hype" } },
	{ COACH_INTENT_NUTRITION,
	  "nutrition",
	  0,
	  1,
	  { "diet|nutrition|eat|eating|protein|carbs|kcal|macros|macro|"
	    "meal|meals|food|foods|bulk|bulking|cutting|keto|vegan|"
	    "fasting|fast|alcohol|beer|hydration|snack|breakfast",
	    "lose|losing|burn|drop|shed weight|fat|belly|kg|lb", "weight =loss", "fat =loss",
	    "gain =weight", "body =fat|weight" } },
	{ COACH_INTENT_THANKS,
	  "thanks",
	  0,
	  1,
	  { "thanks|thank|cheers|thankyou|appreciate", "you =are =great|awesome|the|amazing|good",
	    "good =bot|coach|job", "^nice|cool|great|perfect|awesome $",
	    "bye|goodbye|see =you|later|ya" } },
	{ COACH_INTENT_GREETING,
	  "greeting",
	  0,
	  0,
	  { "^hi|hello|hey|yo|hiya|howdy|sup|greetings|morning|evening",
	    "good =morning|evening|afternoon|day", "how =are =you", "what is =up" } },
	{ COACH_INTENT_OFF_TOPIC,
	  "off_topic",
	  0,
	  4,
	  { "weather|football|soccer|politics|president|election|bitcoin|"
	    "crypto|stock|stocks|movie|movies|song|music|recipe|joke|"
	    "jokes|poem|essay|homework|code|python|javascript|news|"
	    "capital|war|girlfriend|boyfriend|dating",
	    "write|translate me|a|an|this poem|essay|code|email|letter|song|story", "who =won",
	    "what =time" } },
};
const size_t coach_intent_nrows = ARRAY_LEN(coach_intent_rows);

const char *const coach_common_words[] = {
	"the a an and or but if then than that this these those there here it its is are was "
	"were be been being am do does did done has have "
	"had having will would shall should can could may might must not no yes of in on at to "
	"for from by with without about into over under "
	"after before since until while during between through out up down off again very too "
	"so just only also even still yet ever never "
	"always often sometimes maybe perhaps more most less least much many few some any all "
	"each every both either neither other another such "
	"own same i you he she we they me him her us them my your his our their mine yours "
	"who whom whose which what when where why how",
	"go goes going went gone come came get got gotten make made take took give gave put "
	"set let keep kept find found think thought know "
	"knew see saw look looks want wants need needs try tried use used feel felt say said "
	"tell told ask asked work works worked call called "
	"start started stop stopped run ran play move moved live lived seem help turn show "
	"hear talk like love hate bring happen write sit "
	"stand lose pay meet include continue learn change lead understand watch follow create "
	"speak read allow add spend grow open walk win "
	"offer remember consider appear buy wait serve die send expect build stay fall cut "
	"reach kill remain",
	"good great best better bad worse worst new old young long short big small large "
	"little high low early late right left hard easy light "
	"heavy strong weak fast slow hot cold nice fine cool sure real true false free full "
	"empty open close next last first second third few "
	"many own main able",
	"time year years day days week weeks month months hour hours minute minutes second "
	"seconds morning evening night today tomorrow "
	"yesterday man woman men women child people person friend boss thing things way ways "
	"life world hand part place case point number home "
	"house room water money word words fact lot side kind head name line end face body "
	"back gym coach plan plans program programme routine",
	"gain gains main rain paid pair plain train trail brain grain drain chain paint saint "
	"point print rest test west nest guest quest vest "
	"dose does those nose rose close chose chess cheat chat cheap check cheer press dress "
	"stress pressed size prize wise rise raise phase "
	"phrase weight height eight wait straight might fight sight night tight bright flight "
	"slight form farm from firm grip trip drip drop "
	"crop stop shop chop step steel stall still stool tool pool cool fool wheel whole hole "
	"pole role mole bone tone zone none hone heart "
	"heard heat heal health healthy wealth wealthy death dead deal real meal seal steal "
	"dairy daily diary died diet dirt shirt short sport "
	"spot shot shoot foot feet food mood wood good hood blood flood floor flour door poor "
	"pour four hour tour your sour soul soup",
	"barely really nearly early only lonely lovely surge urge merge large charge sugar "
	"regular pulled pushed rolled missing kissing "
	"passing massive bench branch lunch brunch crunch punch bunch french trench cream "
	"dream team steam stream scream bread thread spread "
	"dread tread tired tried wired hired fired retired entire expert export import "
	"important impact impress compress express squat squad "
	"squash swing swim sweet sweat sweater sleep sheep steep deep keep jeep weep seat "
	"seats beats heats treats streets meets greets feels",
	"coffee office laptop phone video music friend friends family wife husband mother "
	"father brother sister dog cat car bike travel "
	"holiday vacation trip hotel busy office job school university study exam winter "
	"summer spring autumn monday tuesday wednesday thursday "
	"friday saturday sunday january february march april may june july august september "
	"october november december",
	"please question answer maybe actually basically literally probably definitely "
	"thinking wondering trying looking getting doing having "
	"making taking using saying coming keeping letting putting seeing knowing adding "
	"moving starting finishing finished almost around "
	"toward towards because though although however instead otherwise anyway also else "
	"together apart away bit kind sort type stuff",
	NULL,
};
