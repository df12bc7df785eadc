/*
 * cgi.h - the CGI protocol (RFC 3875) as functions over an environment and a source of bytes.
 *
 * cgi_main.c and fcgi_main.c differ by a loop: both hand their variables and
 * their body to these. What real servers do to a request is in docs/ARCHITECTURE.md, "Web servers".
 */
#ifndef KH_CGI_H
#define KH_CGI_H

#include "kitehook.h"

enum {
  KH_CGI_DRAIN_MAX_BYTES = 64 * 1024 * 1024
}; /* what is read and thrown away of a body that is too large */

/* How much body there is: exactly LENGTH bytes, or everything until the end. */
struct kh_cgi_body {
  bool has_length;
  uint64_t length;
  bool malformed; /* CONTENT_LENGTH is no number */
  bool expected;  /* without a length: the method or Transfer-Encoding says that there is one */
};

/*
 * Fills REQUEST (but its body) and BODY from VARIABLES ("NAME=value", NULL at the end), which must outlive
 * REQUEST. Every entry is looked at, so that a header which a server passes twice is seen twice.
 */
void kh_cgi_request(const char *const *variables, const char *transport, struct kh_request *request,
                    struct kh_cgi_body *body);

/* Where body bytes come from: > 0 bytes read, 0 at the end, -1 on failure, -2 when the deadline passed. */
struct kh_cgi_source {
  ssize_t (*read)(void *self, char *to, size_t room);
  void *self;
};

/*
 * Reads the body into TO, at most MAX_BYTES. All of it is read, also what will be refused: Apache's mod_cgid
 * cuts the answer to a request whose body was left unread. Sets REQUEST's body and body_err.
 */
void kh_cgi_read_body(struct kh_request *request, const struct kh_cgi_body *body,
                      const struct kh_cgi_source *source, size_t max_bytes, struct kh_buf *to);

/* Writes RESPONSE in CGI form: Status, headers, an empty line, the body. */
enum kh_err kh_cgi_response(const struct kh_response *response, struct kh_buf *out) KH_MUST_USE;

/* KITEHOOK_CONFIG of ENVIRONMENT, or the compiled-in path. */
const char *kh_cgi_config_path(const char *const *environment);

#endif
