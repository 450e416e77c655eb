import { globSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parseSync, Visitor } from 'oxc-parser'

interface Expression {
  readonly place: string
  readonly source: string
  readonly flags: string
}

/** Expressions that are made at run time: each is looked at by the tests of its own file. */
const MADE_AT_RUN_TIME = [
  'src/registry/file/text-edit.ts',
  'src/upstream/connection/decorators/redaction.ts',
  // Only to see whether it is one: it is never run.
  'src/upstream/discovery/definitions/schema-form.ts',
  'src/upstream/messages/oversized-message.ts',
]

/**
 * Not anchored and yet linear: what repeats cannot hold what the expression begins with, so each character is looked at
 * for one beginning only.
 */
const ONE_BEGINNING = [
  String.raw`\$\$\{|\$\{([^{}]*)\}`,
  String.raw`\{([^{}]+)\}`,
  String.raw`<textarea[^<>]*>[^<]*|<[^<>]*>|[^<]+`,
  String.raw`<[^<>]*>`,
  String.raw`\{([+#./;?&]?)([^{}]*)\}`,
  String.raw`\n( +|\t+)\S`,
  String.raw`(^|&)([^=&]*)=[^&]+`,
  String.raw`received (\w+)$`,
  // These match wherever they begin, so nothing is looked at again.
  String.raw`"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?|,`,
  String.raw`(?:\s|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)*`,
  String.raw`:\d+\/?$`,
]

const LONG = 8_000
const LONGER = 32_000
/** Far more than reading 8,000 characters takes, and far less than looking at all pairs of them. */
const SUSPICIOUS_MS = 3
/** Four times the text takes four times as long, or sixteen times. */
const MAX_GROWTH = 9

const found: Expression[] = []
const made: string[] = []
for (const file of globSync('src/**/*.ts')) {
  const text = readFileSync(file, 'utf8')
  const place = (start: number): string => `${file}:${text.slice(0, start).split('\n').length}`
  new Visitor({
    Literal: (node) => {
      if ('regex' in node && node.regex !== null)
        found.push({ place: place(node.start), source: node.regex.pattern, flags: node.regex.flags })
    },
    NewExpression: ({ callee }) => {
      if (callee.type === 'Identifier' && callee.name === 'RegExp') made.push(file)
    },
    CallExpression: ({ callee }) => {
      if (callee.type === 'Identifier' && callee.name === 'RegExp') made.push(file)
    },
  }).visit(parseSync(file, text).program)
}

test('expressions are written as literals, where this test finds them', () => {
  expect([...new Set(made)].toSorted()).toEqual(MADE_AT_RUN_TIME)
  expect(found.length).toBeGreaterThan(80)
})

test('an expression that can begin anywhere ends with what repeats without end', () => {
  const wrong = found.filter(({ source }) => !ONE_BEGINNING.includes(source) && !isSafeAnywhere(source))
  expect(wrong.map(({ place, source }) => `${place} ${source}`)).toEqual([])
})

/** What follows an unbounded repetition can fail, and then the next beginning looks at the same text again. */
function isSafeAnywhere(source: string): boolean {
  const plain = source
    .replaceAll(/\\[pP]\{\w+\}|\\u\{?\w+\}?|\\x\w\w|\\./g, 'E')
    .replaceAll(/\[[^\]]*\]/g, 'C')
  return topLevel(plain).every(
    (choice) =>
      /^\(?\^/.test(choice) || choice.startsWith('(?<!') || !/(?:[*+]|\{\d+,\})\??\)*[^)*+?]/.test(choice),
  )
}

function topLevel(source: string): string[] {
  const choices = ['']
  let depth = 0
  for (const character of source) {
    if (character === '(') depth += 1
    if (character === ')') depth -= 1
    if (character === '|' && depth === 0) choices.push('')
    else choices.push(`${choices.pop() ?? ''}${character}`)
  }
  return choices
}

test('no expression takes time that grows faster than the text, whatever the text is', () => {
  const slow = found.flatMap((expression) =>
    attacksOn(expression).flatMap((attack) =>
      isLinear(expression, attack) ? [] : [`${expression.place} ${attack.name}`],
    ),
  )
  expect(slow).toEqual([])
}, 240_000)

interface Attack {
  readonly name: string
  readonly text: (length: number) => string
}

const COMMON = [' ', 'a', '0', '-', '.', '/', '\n', '=', '\t ', '{', ':', '?', '_', ',']

/** Texts that repeat what an expression speaks of, alone and in pairs, and end with what it does not expect. */
function attacksOn({ source }: Expression): Attack[] {
  const words = source
    .replaceAll(/\\[dwspPSWDbB](?:\{\w+\})?|\[[^\]]*\]|\(\?[:=!<]+|\{\d*,?\d*\}|[()|^$*+?]/g, '\u0000')
    .replaceAll(/\\(.)/g, '$1')
    .split('\u0000')
    .filter((word) => word !== '')
  const inClasses = [...source.matchAll(/\[\^?([^\]]+)\]/g)].map(([, inside = '']) =>
    inside.replace(/^\\/, '').slice(0, 1),
  )
  const parts = [...new Set([...words, ...inClasses, ...COMMON])].filter((part) => part !== '')
  const own = parts.filter((part) => !COMMON.includes(part))
  const pairs = own.flatMap((word) => parts.map((other) => word + other))
  return [...new Set([...parts, ...pairs])].flatMap((pump) =>
    ['', ...words.slice(0, 1)].map((start) => ({
      name: JSON.stringify([start, pump]),
      text: (length: number) => `${start}${pump.repeat(Math.ceil(length / pump.length))}\u0001\n!`,
    })),
  )
}

function isLinear({ source, flags }: Expression, attack: Attack): boolean {
  const expression = new RegExp(source, flags.replace('y', ''))
  const long = attack.text(LONG)
  if (timeOf(expression, long) < SUSPICIOUS_MS) return true
  // More than once, in case that the machine was busy with something else.
  const least = (text: string): number =>
    Math.min(...Array.from({ length: 3 }, () => timeOf(expression, text)))
  const longer = attack.text(LONGER)
  return [1, 2, 3].some(() => {
    const leastLong = least(long)
    return leastLong < SUSPICIOUS_MS || least(longer) / leastLong < MAX_GROWTH
  })
}

/** Milliseconds of this thread, whatever else the machine does. */
function timeOf(expression: RegExp, text: string): number {
  const before = process.threadCpuUsage()
  text.replace(expression, '')
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
