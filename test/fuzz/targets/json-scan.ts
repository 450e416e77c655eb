import { MAX_JSON_DEPTH, isDeeperThan } from '../../../src/domain/json/json.ts'
import { excessOf } from '../../../src/domain/json/json-scan.ts'
import { broken, type Target } from '../target.ts'

const LIMITS = { members: 6, allMembers: 12 }

/** The look at the bytes of a body before they are parsed. */
export const jsonScan: Target = {
  name: 'json-scan',
  guarantee: 'JSON within the limits passes, and JSON beyond them does not',
  code: ['domain/json/json-scan.ts'],
  seeds: [
    '{"a":[1,2,3],"b":{"c":"d"}}',
    '[[1,2],[3,4],[5,6]]',
    '"a,b,c,d,e,f,g"',
    '[1,2,3,4,5,6,7]',
    `${'['.repeat(120)}${']'.repeat(120)}`,
  ],
  words: [
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    '\\"',
    '\\\\"',
    '1',
    '":',
    '[[[[[[[[[[[[[[[[',
    '1111111111111111111111111111111111',
  ],
  check(input) {
    const excess = excessOf(input, LIMITS)
    let value: unknown
    try {
      value = JSON.parse(input.toString())
    } catch {
      return
    }
    const count = counted(input.toString())
    const isBeyond = count.most > LIMITS.members || isDeeperThan(value, MAX_JSON_DEPTH)
    if (isBeyond && excess === undefined) broken(`a list with ${count.most} members passed`)
    const isLittle = count.most <= LIMITS.members && count.commas < LIMITS.allMembers
    if (
      isLittle &&
      !isDeeperThan(value, MAX_JSON_DEPTH) &&
      !/[^\s,[\]{}"]{1000}/.test(input.toString()) &&
      excess !== undefined
    )
      broken(`little was refused because it ${excess}`)
  },
}

/** Members of the largest list or object, and commas in all, also of members that have one name. */
function counted(text: string): { most: number; commas: number } {
  const plain = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, 's')
  const open: number[] = []
  let most = 0
  for (const sign of plain) {
    if (sign === '[' || sign === '{') open.push(0)
    if (sign === ',') open[open.length - 1] = (open.at(-1) ?? 0) + 1
    if (sign === ']' || sign === '}') most = Math.max(most, 1 + (open.pop() ?? 0))
  }
  return { most, commas: plain.split(',').length - 1 }
}
