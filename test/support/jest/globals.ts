import type * as Globals from '@jest/globals'

type JestGlobals = Pick<
  typeof Globals,
  'afterAll' | 'afterEach' | 'beforeAll' | 'beforeEach' | 'describe' | 'expect' | 'test'
>

/** Where the runtime leaves what Jest made for the file that runs now. One runs at a time in a worker. */
export const running: { globals?: JestGlobals } = {}

/** Stands for `@jest/globals` in modules that outlive a test file: each use goes to the file that runs now. */
export const afterAll = forwarded('afterAll')
export const afterEach = forwarded('afterEach')
export const beforeAll = forwarded('beforeAll')
export const beforeEach = forwarded('beforeEach')
export const describe = forwarded('describe')
export const expect = forwarded('expect')
export const test = forwarded('test')

function forwarded<Name extends keyof JestGlobals>(name: Name): JestGlobals[Name] {
  const current = (): JestGlobals[Name] => {
    const { globals } = running
    if (globals === undefined) throw new Error(`${name} is used outside of a test file`)
    return globals[name]
  }
  const target = (() => undefined) as unknown as JestGlobals[Name] & object
  return new Proxy(target, {
    apply: (_target, thisArgument, values): unknown =>
      Reflect.apply(current() as unknown as () => unknown, thisArgument, values),
    get: (_target, key) => Reflect.get(current(), key) as unknown,
  })
}
