/*
 * lambda_source.h - the sources of Lambda events by the names that the fixtures have.
 */
#ifndef KH_TEST_LAMBDA_SOURCE_H
#define KH_TEST_LAMBDA_SOURCE_H

#include "lambda/event.h"

static inline const char *kh_lambda_source_name(enum kh_lambda_source source)
{
  static const char *const names[KH_LAMBDA_SOURCE__COUNT] = {
      [KH_LAMBDA_ALB] = "alb",           [KH_LAMBDA_HTTP_API] = "http_api",
      [KH_LAMBDA_REST_API] = "rest_api", [KH_LAMBDA_FUNCTION_URL] = "function_url",
      [KH_LAMBDA_DIRECT] = "direct",     [KH_LAMBDA_SQS] = "sqs",
      [KH_LAMBDA_SNS] = "sns",           [KH_LAMBDA_SCHEDULE] = "schedule",
      [KH_LAMBDA_UNKNOWN] = "unknown",   [KH_LAMBDA_EVENTBRIDGE] = "eventbridge",
  };

  return names[source];
}

#endif
