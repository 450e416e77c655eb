import {
  parseSecretReference,
  type SecretReference,
  SecretRefused,
} from '../../src/domain/documents/secret-reference.ts'
import type { SecretsSource, SecretVersion } from '../../src/secrets/secrets-source.ts'

/** The reference that a text is. @throws TypeError for any other text */
export function reference(text: string): SecretReference {
  const parsed = parseSecretReference(text)
  if (parsed === undefined) throw new TypeError(`not a reference: ${text}`)
  return parsed
}

/** A place for secrets that a test holds in its hands. */
export class FakeSecretsSource implements SecretsSource {
  /** Value, or the reason why there is none, by reference. */
  readonly secrets = new Map<string, string | SecretRefused>()
  readonly reads: string[] = []
  /** Set to hold answers back until it resolves. */
  gate: Promise<void> | undefined
  onChange: () => void = () => {}

  async read({ text }: SecretReference): Promise<SecretVersion> {
    this.reads.push(text)
    await this.gate
    const found = this.secrets.get(text) ?? new SecretRefused({ text }, 'missing', 'there is no such secret')
    if (found instanceof SecretRefused) throw found
    return { value: found, version: undefined }
  }

  watch(onChange: () => void): void {
    this.onChange = onChange
  }

  refuse(text: string, problem: SecretRefused['problem']): void {
    this.secrets.set(text, new SecretRefused({ text }, problem, `it is ${problem}`))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
