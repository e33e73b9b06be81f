/* SPDX-License-Identifier: Apache-2.0 */
#include "services/ai-coaching/coach_provider.h"

#include "libcommon/observe/log.h"

static enum status
answer_builtin(const struct coach_request *request, struct coach_answer *ret_answer,
	       struct err *err)
{
	(void)err;
	coach_answer_make(request->reading, request->facts, request->personality, request->arena,
			  ret_answer);
	return STATUS_OK;
}

static const struct coach_provider builtin = { "builtin", "rules-1", answer_builtin };

const struct coach_provider *const coach_providers[] = { &builtin, NULL };

static void
clip(struct strbuf *text)
{
	size_t n = COACH_ANSWER_MAX;

	if (text->len <= n)
		return;
	while (n > 0 && text->buf[n] != ' ' && text->buf[n] != '\n')
		n--;
	text->buf[text->len = n] = '\0';
}

const struct coach_provider *
coach_provider_answer(const struct coach_request *request, struct coach_answer *ret_answer)
{
	bool plain = coach_reading_level(request->reading) >= COACH_LEVEL_REFUSE;
	struct err err;

	for (size_t i = 0; coach_providers[i] != NULL && !plain; i++) {
		const struct coach_provider *p = coach_providers[i];

		err_init(&err);
		if (p->answer(request, ret_answer, &err) == STATUS_OK) {
			clip(&ret_answer->text);
			return p;
		}
		log_warn_err("provider_failed", &err, LOG_STR("provider", p->name));
	}
	(void)answer_builtin(request, ret_answer, NULL);
	return &builtin;
}
