/** `MAX_BODY_BYTES` as `maxBodyBytes`. */
type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>

type InCamelCase<Values, Names> = {
  [Name in keyof Names & keyof Values & string as CamelCase<Name>]: Values[Name]
}

/** The values of the variables that `names` has, by their names in the code: `MAX_BODY_BYTES` as `maxBodyBytes`. */
export function inCamelCase<Values extends object, Names extends object>(
  values: Values,
  names: Names,
): InCamelCase<Values, Names>
export function inCamelCase(values: Readonly<Record<string, unknown>>, names: object): object {
  return Object.fromEntries(Object.keys(names).map((name) => [camelCase(name), values[name]]))
}

function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_all, first: string) => first.toUpperCase())
}
