import { expect, test } from '@jest/globals'
import { enhancementRuleSchema } from '../../../src/domain/documents/enhancement-rule.ts'
import { ruleFor } from '../../../src/features/enhancement/rule-choice.ts'

const rules = [
  { name: 'default' },
  { name: 'cursor', clients: ['Cursor'] },
  { name: 'starts', clients: ['cursor*', 'code'] },
  { name: 'longer', clients: ['cursor-vs*'] },
  { name: 'platform-cursor', tenantId: '*', clients: ['cursor'] },
  { name: 'platform-zed', tenantId: '*', clients: ['zed'] },
  { name: 'foreign', tenantId: 'globex', clients: ['zed'] },
].map((rule) => enhancementRuleSchema.parse({ tenantId: 'acme', model: 'm', systemPrompt: 's', ...rule }))

test.each([
  ['acme', 'cursor', 'cursor'],
  ['acme', ' CURSOR ', 'cursor'],
  ['acme', 'cursor-x', 'starts'],
  ['acme', 'Cursor-VSCode', 'longer'],
  ['acme', 'something', 'default'],
  ['acme', undefined, 'default'],
  ['acme', 'zed', 'default'],
  ['globex', 'zed', 'foreign'],
  ['other', 'cursor', 'platform-cursor'],
  ['other', 'something', undefined],
])('of tenant %s the client %p has the rule %p', (tenantId, client, name) => {
  expect(ruleFor(rules, tenantId, client)?.name).toBe(name)
})
