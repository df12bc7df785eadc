/*
 * What the Lambda function may answer to each sender, in the types of AWS; what is optional there and always
 * sent is required here.
 */
import type {
  ALBResult, APIGatewayProxyResult, APIGatewayProxyStructuredResultV2, LambdaFunctionURLResult,
} from 'aws-lambda';

type Whole<Result, Members extends keyof Result> = Required<Pick<Result, Members>>;
type Common = 'statusCode' | 'body' | 'isBase64Encoded';

export type Format2 = Whole<APIGatewayProxyStructuredResultV2, Common | 'headers'>;
export type Format1 = Whole<APIGatewayProxyResult, Common | 'headers'>;
export type Balancer = Whole<ALBResult, Common | 'statusDescription' | 'headers'>;
export type BalancerMulti = Whole<ALBResult, Common | 'statusDescription' | 'multiValueHeaders'>;

export type Answers = {
  http_api: Format2;
  function_url: Format2;
  rest_api: Format1;
  http_api_v1: Format1;
  alb: Balancer;
  alb_multi: BalancerMulti;
  direct: Format2;
};

/* What is required above is nothing but what AWS's own types take. */
export const forUrl = (answer: Format2): LambdaFunctionURLResult => answer;
export const forBalancer = (answer: Balancer | BalancerMulti): ALBResult => answer;
