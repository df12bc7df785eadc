/*
 * aws_error.h - what AWS says when it refuses, and what to do about it.
 *
 * Only the code is ever told on: AWS's own sentence may quote the request, and with it the session token.
 */
#ifndef KH_AWS_ERROR_H
#define KH_AWS_ERROR_H

#include "net/transport.h"

enum { KH_AWS_CODE_BYTES = 64 };

/*
 * The code of an answer of status 300 and above, such as "AccessDeniedException"; "" when there is none.
 * Looked for in the header, in the members `code` and `__type` of a JSON body, in <Code> of an XML one.
 */
void kh_aws_error_code(const struct kh_incoming *answer, char code[KH_AWS_CODE_BYTES]);

/* True for the codes that say to come back later. */
bool kh_aws_error_is_busy(const char *code);

/* One sentence for people. Never NULL. */
const char *kh_aws_error_cure(const char *code, int status);

#endif
