import { explanationAnswer } from '../access/answer.ts'
import { explainBody } from '../access/explain.ts'
import { matrixAnswer, matrixQuery } from '../access/matrix.ts'
import { sessionsAnswer } from '../access/sessions.ts'
import { simulateAnswer, simulateBody } from '../access/simulate.ts'
import { whoamiAnswer } from '../access/whoami.ts'
import { json, type RestOperation } from './operation.ts'

/** Who am I, who may use what and why, and who is connected. */
export const ACCESS_OPERATIONS: readonly RestOperation[] = [
  {
    id: 'whoami',
    method: 'get',
    path: '/v1/whoami',
    tag: 'Identity',
    summary: 'Show whom the gateway takes the caller for',
    answers: { 200: json(whoamiAnswer) },
  },
  {
    id: 'explainAccess',
    method: 'post',
    path: '/v1/access:explain',
    tag: 'Access',
    summary: 'Explain why a caller may or may not use something',
    body: explainBody,
    answers: { 200: json(explanationAnswer) },
  },
  {
    id: 'simulateEdit',
    method: 'post',
    path: '/v1/access:simulate',
    tag: 'Access',
    summary: 'Show what an edit of the registry would change (role `operator`)',
    body: simulateBody,
    answers: { 200: json(simulateAnswer, 'What would change; nothing is saved') },
  },
  {
    id: 'accessMatrix',
    method: 'get',
    path: '/v1/access/matrix',
    tag: 'Access',
    summary: 'Show which role may use which tool, or which agent which server (role `operator`)',
    query: matrixQuery,
    answers: { 200: json(matrixAnswer, 'One page') },
  },
  {
    id: 'listSessions',
    method: 'get',
    path: '/v1/sessions',
    tag: 'Sessions',
    summary: 'List the open sessions',
    answers: { 200: json(sessionsAnswer) },
  },
  {
    id: 'endSession',
    method: 'delete',
    path: '/v1/sessions/{sessionId}',
    tag: 'Sessions',
    summary: 'End a session',
    answers: { 204: { description: 'Ended' } },
  },
]
