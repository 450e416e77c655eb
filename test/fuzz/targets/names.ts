import { exposeAll, exposedName } from '../../../src/domain/tool-name.ts'
import { settledNames } from '../../../src/domain/settled-names.ts'
import { broken, type Target } from '../target.ts'

const LEGAL = /^files-2_[A-Za-z0-9_-]{0,56}$/

/** The names under which things of servers are offered. */
export const names: Target = {
  name: 'names',
  guarantee:
    'each name that a server has is offered under one legal name, in whatever order, and no two share one',
  code: ['domain/tool-name.ts', 'domain/settled-names.ts'],
  seeds: [
    'read\nwrite\nread_file',
    'a.b\na_b\na b\na_b',
    `${'x'.repeat(70)}\n${'x'.repeat(71)}`,
    '\u00e9\n\u00e8\n..\n__proto__\nconstructor',
  ],
  words: [
    '\n',
    '_',
    '-',
    '.',
    'a_b',
    'toString',
    '__proto__',
    'x'.repeat(56),
    '\ud83d\ude00',
    '\u00e9',
    '_5e2b',
  ],
  check(input) {
    const given = input.toString('latin1').split('\n').slice(0, 40)
    const items = given.map((name) => ({ name }))
    const { exposed, refused } = exposeAll('files-2', items)
    for (const name of exposed.keys())
      if (!LEGAL.test(name)) broken(`an illegal name ${JSON.stringify(name)}`)
    const different = new Set(given).size
    if (exposed.size !== different) broken(`${different} names became ${exposed.size}`)
    if (exposed.size + refused.length !== items.length) broken('an item was neither offered nor refused')
    const reversed = exposeAll('files-2', items.toReversed()).exposed
    for (const [name, { name: own }] of exposed) {
      if (reversed.get(name)?.name !== own) broken('the names depend on the order')
      if (own.length < 40 && /^[\w-]+$/.test(own) && name !== `files-2_${own}`)
        broken('a legal name was changed')
    }
    if (given.some((name) => exposedName('files-2', name).length > 64)) broken('a name is too long')
    checkSettled(given)
  },
}

function checkSettled(given: readonly string[]): void {
  const all = [...new Set(given)]
  const wanted = new Map(all.slice(0, -1).map((own, index) => [own, all[index + 1] ?? own]))
  const { names: settled, refused } = settledNames(all, wanted, (name) => name.toLowerCase())
  const shown = all.map((own) => settled.get(own) ?? own)
  const before = new Set(all.map((own) => own.toLowerCase())).size
  if (new Set(shown.map((name) => name.toLowerCase())).size < before) broken('two things share a new name')
  if (settled.size + refused.length !== wanted.size) broken('a wanted name was neither given nor refused')
}
