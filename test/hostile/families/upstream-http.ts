import { ANSWERS } from '../servers/http-behaviours.ts'
import { type Expected, type Family, type Row } from '../row.ts'

/** Quick deadlines, and no circuit breaker, which would answer in place of the server. */
export const EVIL = { timeoutMs: 1500, retry: { maxAttempts: 1 }, circuitBreaker: { enabled: false } }

/** The answer stands behind a flood: a quick machine gets to it in time. */
const FLOODED: Expected = { otherwise: '200 {"content":[{"type":"text","text":"flooded"}],"isError":false}' }

const ANSWERED: Readonly<Record<string, readonly [string, Expected?]>> = {
  right: ['200 {"content":[{"type":"text","text":"right"}],"isError":false}'],
  never: [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'head-only': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'events-head-only': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'endless-json': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'endless-line': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'endless-comments': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'endless-events': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'endless-retry': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'slow-comments': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'slow-json': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'progress-forever': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'bomb-gzip': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'bomb-deflate': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'bomb-br': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'bomb-events': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'not-gzip': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  'unknown-encoding': ['200 {"content":[{"type":"text","text":"x"}],"isError":false}'],
  'packed-ten-times': ['200 {"content":[{"type":"text","text":"x"}],"isError":false}'],
  'large-json': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'notifications-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'progress-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'updates-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'notifications-with-ids-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'updates-of-many-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'pings-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'foreign-answers-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'packed-notifications-200k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'ends-in-a-flood': ['200 {"content":[{"type":"text","text":"ended"}],"isError":false}'],
  'carriage-returns': ['200 {"content":[{"type":"text","text":"returned"}],"isError":false}'],
  'endless-carriage-returns': [
    '502 response_too_large: The response of server evil is too large {"server":"evil","mayHaveExecuted":true}',
  ],
  'changes-20k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'unknown-20k': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
    FLOODED,
  ],
  'foreign-id': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'next-id': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'text-id': ['200 {"content":[{"type":"text","text":"TEXT"}],"isError":false}'],
  'null-id': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'object-id': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'no-id': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  both: [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  neither: [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'result-null': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'result-list': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'result-text': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'no-content': ['200 {"isError":false}'],
  'content-null': ['200 {"content":null,"isError":false}'],
  'content-text': ['200 {"content":"x","isError":false}'],
  'items-88k': [
    '200 {"content":[{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text","text":"a"},{"type":"text"',
  ],
  deep: [
    '502 upstream_bad_response: The response is nested too deeply {"server":"evil","mayHaveExecuted":true}',
  ],
  'deep-error': [
    '502 upstream_error: Server evil returned an error {"server":"evil","upstream":{"code":-1,"message":"no"}}',
  ],
  'keys-of-all-objects': ['200 {"content":[],"constructor":{"prototype":{"a":1}},"isError":false}'],
  'id-twice': ['200 {"content":[],"isError":false}'],
  batch: ['200 {"content":[{"type":"text","text":"batch"}],"isError":false}'],
  'batch-of-nothing': [
    '504 upstream_timeout: Server evil did not respond in time {"server":"evil","mayHaveExecuted":true}',
  ],
  'answer-twice': ['200 {"content":[{"type":"text","text":"first"}],"isError":false}'],
  'no-json': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'half-json': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  empty: [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  html: [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'no-type': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'text-type': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'not-utf8': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  utf16: [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'error-stack': [
    '502 upstream_error: Server evil returned an error {"server":"evil","upstream":{"code":-32603,"message":"Error: at work\\n    at f (/srv/app/src/main.ts:1:2)"}}',
  ],
  'error-text': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'error-code-text': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'error-large': [
    '502 upstream_error: Server evil returned an error {"server":"evil","upstream":{"code":1,"message":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm',
  ],
  'error-ours': [
    '502 upstream_error: Server evil returned an error {"server":"evil","upstream":{"code":-31010,"message":"The token is not valid","data":{"code":"invalid_token"}}}',
  ],
  asks: ['200 {"content":[{"type":"text","text":"asked"}],"isError":false}'],
  'asks-1000': ['200 {"content":[{"type":"text","text":"asked"}],"isError":false}'],
  'http-202': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 202) {"server":"evil","mayHaveExecuted":true}',
  ],
  'http-204': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 204) {"server":"evil","mayHaveExecuted":true}',
  ],
  'http-302': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 302) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-307': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 307) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-401': [
    '502 upstream_refused: Server evil refused the call (HTTP 401) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-403': [
    '502 upstream_refused: Server evil refused the call (HTTP 403) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-404': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 404) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-413': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 413) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-429': [
    '503 upstream_unavailable: Server evil is unavailable (HTTP 429) {"server":"evil","mayHaveExecuted":false}',
  ],
  'http-500': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 500) {"server":"evil","mayHaveExecuted":true}',
  ],
  'http-503': [
    '503 upstream_unavailable: Server evil is unavailable (HTTP 503) {"server":"evil","mayHaveExecuted":true}',
  ],
  'http-599': [
    '502 upstream_bad_response: Server evil returned an invalid response (HTTP 599) {"server":"evil","mayHaveExecuted":true}',
  ],
  'http-999': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'no-http': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  reset: ['503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}'],
  'cut-body': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  'bad-chunk': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  'length-and-chunks': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  'more-than-length': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'header-100-kb': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  'headers-5000': [
    '502 upstream_bad_response: Server evil returned an invalid response {"server":"evil","mayHaveExecuted":true}',
  ],
  'header-nul': [
    '503 upstream_unavailable: Server evil is unavailable {"server":"evil","mayHaveExecuted":true}',
  ],
  'cookies-1000': ['200 {"content":[{"type":"text","text":"cookies"}],"isError":false}'],
  'new-session': ['200 {"content":[{"type":"text","text":"session"}],"isError":false}'],
}

const ROWS: readonly Row[] = Object.keys(ANSWERS).map((name) => ({
  what: name,
  send: (world, id) => world.call(`evil_${name}`, {}, id),
  answer: ANSWERED[name]?.[0] ?? '?',
  records: 1,
  withinMs: 3000,
  isBounded: true,
  ...ANSWERED[name]?.[1],
}))

/** What servers over HTTP do. */
export const upstreamHttp: Family = { name: 'servers over HTTP', isTimed: true, rows: () => ROWS }
