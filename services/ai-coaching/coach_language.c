/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_language.h"

#include <string.h>

#include "libcommon/base/compiler.h"

#define WORDS_MAX 48

/* Small words that English does not have, and of training a few; without accents, as words are. */
static const struct {
	const char *say;
	const char *words[WORDS_MAX];
} languages[] = {
	{ "Ich verstehe nur Englisch. Im Notfall, etwa bei Schmerzen in der Brust oder Gedanken an "
	  "Suizid, ruf bitte sofort 112 an.",
	  { "ich",        "mache",     "mach",        "wie",     "geht",       "nicht",
	    "mein",       "meine",     "heute",       "montag",  "ist",        "kann",
	    "soll",       "welche",    "habe",        "ubung",   "ubungen",    "und",
	    "mit",        "fur",       "wieviel",     "viel",    "trainieren", "muss",
	    "kniebeugen", "kniebeuge", "bankdrucken", "morgen",  "dienstag",   "mittwoch",
	    "donnerstag", "freitag",   "samstag",     "sonntag", "wann",       "warum",
	    "mir",        "bin",       "richtig" } },
	{ "Je ne comprends que l'anglais. En cas d'urgence, par exemple une douleur à la poitrine "
	  "ou des idées suicidaires, appelez tout de suite le 112.",
	  { "je",           "mon",    "mes",      "quel",       "quelle",  "est",      "aujourd",
	    "hui",          "avec",   "pour",     "suis",       "dois",    "faire",    "combien",
	    "entrainement", "seance", "jambes",   "lundi",      "mardi",   "mercredi", "jeudi",
	    "vendredi",     "samedi", "dimanche", "puis",       "ai",      "pas",      "les",
	    "des",          "une",    "dos",      "aujourdhui", "exercice" } },
	{ "Solo entiendo inglés. En una emergencia, por ejemplo dolor en el pecho o pensamientos de "
	  "suicidio, llama enseguida al 112 o al número de emergencias de tu país.",
	  { "que",        "hoy",         "entreno", "estoy",   "puedo",     "cuanto",   "cuantas",
	    "hago",       "tengo",       "pierna",  "piernas", "ejercicio", "manana",   "lunes",
	    "martes",     "miercoles",   "jueves",  "viernes", "domingo",   "para",     "los",
	    "las",        "una",         "como",    "mis",     "debo",      "entrenar", "peso",
	    "sentadilla", "sentadillas", "el",      "mi" } },
	{ "Capisco solo l'inglese. In un'emergenza, per esempio dolore al petto o pensieri di "
	  "suicidio, chiama subito il 112.",
	  { "cosa",    "devo",        "oggi",   "sono",     "mio",    "che",       "quanto",
	    "quante",  "allenamento", "gambe",  "domani",   "lunedi", "martedi",   "mercoledi",
	    "giovedi", "venerdi",     "sabato", "domenica", "fare",   "esercizio", "posso",
	    "della",   "ho",          "perche", "quale",    "mia" } },
	{ "Ik begrijp alleen Engels. Bel bij nood, bijvoorbeeld pijn op de borst of gedachten aan "
	  "zelfmoord, meteen 112.",
	  { "ik",        "heb",      "mijn",     "vandaag", "hoe",     "het",     "moet",
	    "welke",     "oefening", "benen",    "morgen",  "maandag", "dinsdag", "woensdag",
	    "donderdag", "vrijdag",  "zaterdag", "zondag",  "kan",     "niet",    "een",
	    "voor",      "trainen",  "hoeveel",  "ben",     "doen" } },
	{ "Só entendo inglês. Numa emergência, por exemplo dor no peito ou pensamentos de suicídio, "
	  "ligue já para o 112 ou para o número de emergência do seu país.",
	  { "eu",     "meu",    "minha",   "hoje",      "quanto", "fazer",  "treino", "nao",
	    "pernas", "amanha", "segunda", "terca",     "quarta", "quinta", "sexta",  "sabado",
	    "qual",   "devo",   "posso",   "exercicio", "com",    "voce",   "estou",  "treinar" } },
};

static const char other_script[] =
	"That is not in the letters that I can read. In an emergency call your local emergency "
	"number now (112 in Europe, 911 in the US and Canada).";

/* Letters of other scripts than Latin: from Greek on, without punctuation and symbols. */
static bool
is_other_script(struct slice message)
{
	size_t other = 0, latin = 0;

	for (size_t i = 0; i < message.n; i++) {
		unsigned char c = (unsigned char)message.p[i];

		latin += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		/* Lead bytes of U+0370 … U+1FFF and U+3000 … U+DFFF. */
		other += (c >= 0xcd && c <= 0xdf) || c == 0xe0 || c == 0xe1 ||
			 (c >= 0xe3 && c <= 0xed);
	}
	return other >= 3 && other > latin;
}

const char *
coach_language_of(struct slice message, const struct coach_words *words)
{
	size_t best = 0, at = 0;

	if (is_other_script(message))
		return other_script;
	for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
		size_t hits = 0;

		for (size_t i = 0; i < words->n; i++) {
			for (size_t k = 0; k < WORDS_MAX && languages[l].words[k] != NULL; k++)
				hits += strcmp(words->w[i].text, languages[l].words[k]) == 0;
		}
		if (hits > best) {
			best = hits;
			at = l;
		}
	}
	/* One in a short message, else two and a quarter of all. */
	if (best == 0 || (words->n > 3 && best < 2) || best * 4 < words->n)
		return NULL;
	return languages[at].say;
}
