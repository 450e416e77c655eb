/** What an operator may change of a tool in addition to who may use it; the part that can contradict itself. */
interface Shaping {
  readonly name?: string | undefined
  readonly defaults?: Readonly<Record<string, unknown>> | undefined
  readonly fixed?: Readonly<Record<string, unknown>> | undefined
  readonly arguments?: Readonly<Record<string, string>> | undefined
}

interface ShapingProblem {
  readonly path: string[]
  readonly message: string
}

/**
 * The problems of one entry under `tools` that can be found without knowing the tools.
 * @param key the tool's own name, or a pattern
 */
export function shapingProblems(key: string, shaping: Shaping): ShapingProblem[] {
  const isMisnamed = shaping.name !== undefined && key.includes('*')
  const misnamed = { path: ['name'], message: 'only a tool that is named exactly can have another name' }
  return [
    ...(isMisnamed ? [misnamed] : []),
    ...defaultProblems(shaping),
    ...argumentProblems(shaping),
    ...(['defaults', 'fixed'] as const).flatMap((field) => secretProblems(field, shaping[field])),
  ].map(({ path, message }) => ({ path: [key, ...path], message }))
}

function defaultProblems({ defaults = {}, fixed = {} }: Shaping): ShapingProblem[] {
  return Object.keys(defaults)
    .filter((name) => Object.hasOwn(fixed, name))
    .map((name) => ({ path: ['defaults', name], message: 'it is fixed too' }))
}

function argumentProblems({ fixed = {}, arguments: names = {} }: Shaping): ShapingProblem[] {
  const taken = new Map<string, string>()
  return Object.entries(names).flatMap(([name, own]) => {
    const path = ['arguments', name]
    if (Object.hasOwn(fixed, own))
      return [{ path, message: 'it is fixed, so that callers have no name for it' }]
    const other = taken.get(own)
    taken.set(own, other ?? name)
    return other === undefined ? [] : [{ path, message: 'it is the second name of one argument' }]
  })
}

/** They are resolved where connections are made, and nowhere else: here the reference itself would be sent. */
function secretProblems(
  field: string,
  values: Readonly<Record<string, unknown>> | undefined,
): ShapingProblem[] {
  return Object.entries(values ?? {})
    .filter(([, value]) =>
      JSON.stringify(value ?? null)
        .toLowerCase()
        .includes('secret://'),
    )
    .map(([name]) => ({
      path: [field, name],
      message: 'secrets can be named in env, headers and auth only',
    }))
}
