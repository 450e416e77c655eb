import { describe, expect, test } from '@jest/globals'
import type { CallerClient } from '../../../src/calls/call.ts'
import { approvalRequired, wayOf, wasNotExecuted } from '../../../src/features/approvals/approval-question.ts'
import type { ApprovalRequest } from '../../../src/features/approvals/approval-request.ts'
import { jsonRpcErrorOf } from '../../../src/mcp/protocol-error.ts'

const ask = (): Promise<never> => Promise.reject(new Error('not asked here'))
const client = (era: 'legacy' | 'modern', elicitation?: object, canAsk = true): CallerClient => ({
  era,
  logLevel: undefined,
  capabilities: elicitation === undefined ? {} : { elicitation },
  tell: () => undefined,
  ...(canAsk && { ask }),
})

describe('a client is asked', () => {
  test.each([
    ['by nothing', undefined, 'caller', 'error'],
    ['by an error, if it declares nothing', client('legacy'), 'caller', 'error'],
    ['by a page', client('legacy', { url: {} }), 'second-person', 'url'],
    ['by a page of 2026-07-28', client('modern', { url: {} }, false), 'caller', 'url'],
    ['by an error that stands for a page', client('legacy', { url: {} }, false), 'caller', 'url-error'],
    ['by a form', client('legacy', { form: {} }), 'caller', 'form'],
    ['by an error, if a form needs a second person', client('modern', {}), 'second-person', 'error'],
    ['by an error, if a form cannot be sent', client('legacy', {}, false), 'caller', 'error'],
  ] as const)('%s', (_how, asked, rule, way) => {
    expect(wayOf(asked, rule, '{}')).toBe(way)
  })

  test('by an error, if the arguments are longer than anybody reads in a form', () => {
    expect(wayOf(client('legacy', {}), 'caller', 'x'.repeat(2001))).toBe('error')
  })
})

test('the error that stands for a page is -32042 to a client, with the page, and says that nothing ran', () => {
  const request: ApprovalRequest = {
    id: 'ap_1',
    tenantId: 'acme',
    requester: { subject: 'ann', issuer: 'test' },
    server: 'files',
    tool: 'drop',
    rule: 'caller',
    binding: 'b',
    argumentBytes: 2,
    createdAt: 0,
    expiresAt: Date.parse('2026-01-01T01:00:00Z'),
    status: 'open',
  }
  const url = 'https://gateway.example/dashboard/approvals/ap_1'
  const error = approvalRequired(request, url, 'el-1')
  expect(jsonRpcErrorOf(error, 'legacy')).toEqual({
    code: -32_042,
    message: `Approval required: approve this call of files_drop at ${url}, then retry with the same arguments.`,
    data: {
      elicitations: [
        {
          mode: 'url',
          message: 'The call of drop at files needs your approval. The page shows what it would do.',
          url,
          elicitationId: 'el-1',
        },
      ],
    },
  })
  expect(wasNotExecuted(error)).toBe(true)
  expect(jsonRpcErrorOf(approvalRequired(request, url), 'legacy')).toMatchObject({
    code: -31_016,
    data: { code: 'approval_required', mayHaveExecuted: false },
  })
})
