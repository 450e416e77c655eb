import { z } from 'zod'

/** A value that only a person knows. */
export interface MissingInput {
  /** Where it goes in the document, as in `env.API_KEY`, or the variable of a URL. */
  readonly place: string
  readonly name: string
  readonly description: string | undefined
  readonly isSecret: boolean
  readonly choices: readonly string[]
}

/** What a person may be asked for. */
export interface Input extends MissingInput {
  readonly isRequired: boolean
  readonly default: string | undefined
  readonly placeholder: string | undefined
}

const input = z.looseObject({
  value: z.string().optional(),
  default: z.string().optional(),
  placeholder: z.string().optional(),
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  choices: z.array(z.string()).optional(),
})
/** Values of `{variables}` in a text. */
export const variables = z.record(z.string(), input).optional()
/** A header or an environment variable. */
export const keyValue = input.extend({ name: z.string().min(1), variables })
/** An argument of a program. */
export const argument = z.discriminatedUnion('type', [
  input.extend({ type: z.literal('positional'), valueHint: z.string().optional(), variables }),
  input.extend({ type: z.literal('named'), name: z.string().min(1), variables }),
])
type GivenInput = z.output<typeof input>
type Argument = z.output<typeof argument>
type Variables = z.output<typeof variables>

/** Fills inputs from what is given, fixed or a default, and remembers what is missing. */
export class Filling {
  readonly missing: MissingInput[] = []
  /** All that a person may fill in, in the order in which it is used. */
  readonly inputs: Input[] = []
  readonly notes: string[] = []
  readonly #values: Readonly<Record<string, string>>

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = values
  }

  keyValues(inputs: readonly z.output<typeof keyValue>[], place: string): Record<string, string> {
    const pairs = inputs.flatMap((one) => {
      const value = this.#value(one, one.name, `${place}.${one.name}`, one.variables)
      return value === undefined ? [] : [[one.name, value] as const]
    })
    return Object.fromEntries(pairs)
  }

  argument(one: Argument): string[] {
    const name = one.type === 'named' ? one.name : (one.valueHint ?? 'argument')
    const isFlag =
      one.type === 'named' && one.value === undefined && one.default === undefined && !one.isRequired
    if (isFlag && !Object.hasOwn(this.#values, name)) {
      this.inputs.push(inputOf(one, name, `args: ${name}`))
      this.notes.push(`args: ${name} is optional and was left out`)
      return []
    }
    const value = this.#value(one, name, `args: ${name}`, one.variables)
    if (value === undefined) return []
    return one.type === 'named' ? [name, value] : [value]
  }

  /** A text with its `{variables}` replaced; those without a value stay. */
  template(text: string, known: Variables, place: string): string {
    return text.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
      const variable = known?.[name]
      if (variable === undefined) return this.#given(name) ?? whole
      return this.#value(variable, name, `${place} {${name}}`, undefined) ?? ''
    })
  }

  #value(one: GivenInput, name: string, place: string, known: Variables): string | undefined {
    if (one.value !== undefined) return this.template(one.value, known, place)
    this.inputs.push(inputOf(one, name, place))
    const value = this.#given(name) ?? one.default
    if (value !== undefined) return value
    if (one.isRequired !== true) {
      this.notes.push(
        `${place} is optional and was left out${one.description === undefined ? '' : `: ${one.description}`}`,
      )
      return undefined
    }
    const { description, isSecret = false, choices = [] } = one
    this.missing.push({ place, name, description, isSecret, choices })
    return `<${name}>`
  }

  #given(name: string): string | undefined {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
  }
}

function inputOf(one: GivenInput, name: string, place: string): Input {
  const { description, isSecret = false, choices = [], isRequired = false, placeholder } = one
  return { place, name, description, isSecret, choices, isRequired, default: one.default, placeholder }
}
