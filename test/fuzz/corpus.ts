import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import type { Target } from './target.ts'

const MAX_LENGTH = 600
const MAX_INPUTS = 80

const texts = z.array(z.string())

/** The inputs that earlier runs kept for a target: each byte is a character of them. */
export function corpusOf({ name }: Pick<Target, 'name'>): Buffer[] {
  const file = fileOf(name)
  if (!existsSync(file)) return []
  return texts.parse(JSON.parse(readFileSync(file, 'utf8'))).map((text) => Buffer.from(text, 'latin1'))
}

/** Keeps inputs beside those that there are: the short ones, and not too many. */
export function addToCorpus(target: Pick<Target, 'name'>, kept: readonly Buffer[]): void {
  const all = [...corpusOf(target), ...kept.filter(({ length }) => length <= MAX_LENGTH)]
  const inputs = [...new Set(all.map((input) => input.toString('latin1')))].slice(0, MAX_INPUTS)
  writeFileSync(fileOf(target.name), `${JSON.stringify(inputs, undefined, 1)}\n`)
}

function fileOf(name: string): URL {
  return new URL(`corpus/${name}.json`, import.meta.url)
}
