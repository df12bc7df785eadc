/* The compiler must refuse these: it fails where an error that is expected does not come. */
import type { Balancer, BalancerMulti, Format1, Format2 } from './answer.js';

const common = { body: '{}', isBase64Encoded: false };
const headers = { Allow: 'GET, HEAD, POST' };

export const right: Format2 = { ...common, statusCode: 200, headers };
// @ts-expect-error
export const withoutStatus: Format2 = { ...common, headers };
// @ts-expect-error
export const statusOfText: Format1 = { ...common, headers, statusCode: '200' };
// @ts-expect-error
export const withoutBody: Format1 = { statusCode: 200, isBase64Encoded: false, headers };
// @ts-expect-error
export const listOfHeaders: Format2 = { ...common, statusCode: 200, headers: { Allow: ['GET', 'HEAD'] } };
// @ts-expect-error
export const withDescription: Format2 = { ...common, statusCode: 200, headers, statusDescription: '200 OK' };
// @ts-expect-error
export const withoutDescription: Balancer = { ...common, statusCode: 200, headers };
// @ts-expect-error
export const singleHeaders: BalancerMulti = { ...common, statusCode: 200, statusDescription: '200 OK', headers };
// @ts-expect-error
export const noList: BalancerMulti = { ...common, statusCode: 200, statusDescription: '200 OK', multiValueHeaders: headers };
