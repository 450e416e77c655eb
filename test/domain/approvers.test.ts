import { expect, test } from '@jest/globals'
import { isApprover, refusalToApprove } from '../../src/domain/approvers.ts'

const approverRoles = ['operator', 'approver']
const requester = { tenantId: 'acme', subject: 'ann' }
const person = (subject: string, roles: string[] = [], tenantId = 'acme') => ({
  principal: { tenantId, subject, roles },
  isPerson: true,
})
const program = (subject: string, roles: string[] = []) => ({ ...person(subject, roles), isPerson: false })

test('an approver has at least one of the roles of approvers', () => {
  expect(isApprover({ roles: ['reader', 'approver'] }, approverRoles)).toBe(true)
  expect(isApprover({ roles: ['reader'] }, approverRoles)).toBe(false)
  expect(isApprover({ roles: ['approver'] }, [])).toBe(false)
})

test.each([
  ['the caller in person', person('ann'), undefined],
  ['a program with the token of the caller', program('ann'), 'not-in-person'],
  [
    'a program with the token of the caller, who is an approver',
    program('ann', ['approver']),
    'not-in-person',
  ],
  ['another person', person('bob'), 'no-approver'],
  ['an approver', program('bob', ['approver']), undefined],
  ['an approver of another tenant', person('bob', ['approver'], 'globex'), 'another-tenant'],
  ['the same subject in another tenant', person('ann', ['approver'], 'globex'), 'another-tenant'],
])('by the rule `caller`, %s: %#', (_who, approver, refusal) => {
  expect(refusalToApprove(approver, requester, { rule: 'caller', approverRoles })).toBe(refusal)
})

test.each([
  ['the caller in person', person('ann'), 'own-call'],
  ['the caller, who is an approver', person('ann', ['approver', 'operator']), 'own-call'],
  ['another person', person('bob'), 'no-approver'],
  ['an approver', person('bob', ['operator']), undefined],
  ['an approver of another tenant', person('bob', ['approver'], 'globex'), 'another-tenant'],
])('by the rule `second-person`, %s: %#', (_who, approver, refusal) => {
  expect(refusalToApprove(approver, requester, { rule: 'second-person', approverRoles })).toBe(refusal)
})
