import type { Attributes } from '@opentelemetry/api'

type Label = string | undefined

/** Attributes of one list of labels, and the lists that begin with it. */
interface Node {
  attributes: Attributes | undefined
  readonly next: Map<Label, Node>
}

/** Attribute objects that were used before, so that a call makes none. They are kept: labels must be bounded. */
export class PreparedAttributes {
  readonly #root: Node = { attributes: undefined, next: new Map() }

  /** The attributes of a list of labels; `create` makes them the first time. */
  of(labels: readonly Label[], create: () => Attributes): Attributes {
    let node = this.#root
    for (const label of labels) node = node.next.get(label) ?? added(node, label)
    return (node.attributes ??= create())
  }
}

function added(to: Node, label: Label): Node {
  const node: Node = { attributes: undefined, next: new Map() }
  to.next.set(label, node)
  return node
}
