import type { Attributes } from '@opentelemetry/api'

type Label = string | undefined

/** What was made for one list of labels, and the lists that begin with it. */
interface Node<T> {
  made: T | undefined
  readonly next: Map<Label, Node<T>>
}

/**
 * Attribute objects that were used before, or what was made for them, so that a call makes none. They are kept: labels must
 * be bounded.
 */
export class PreparedAttributes<T = Attributes> {
  readonly #root: Node<T> = { made: undefined, next: new Map() }

  /** What was made for a list of labels; `create` makes it the first time. */
  of(labels: readonly Label[], create: () => T): T {
    let node = this.#root
    for (const label of labels) node = node.next.get(label) ?? added(node, label)
    return (node.made ??= create())
  }
}

function added<T>(to: Node<T>, label: Label): Node<T> {
  const node: Node<T> = { made: undefined, next: new Map() }
  to.next.set(label, node)
  return node
}
