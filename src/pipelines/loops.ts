interface Visit<T> {
  readonly node: T
  readonly after: Iterator<T>
}

/**
 * Numbers nodes so that two have the same number if and only if each leads to the other. Each way is followed once, and
 * however long it is.
 */
export function loopsAmong<T>(nodes: Iterable<T>, after: (node: T) => Iterable<T>): ReadonlyMap<T, number> {
  const loops = new Map<T, number>()
  /** In the order in which they were found, of nodes that have no number yet. */
  const found = new Map<T, number>()
  const open: T[] = []
  /** The first nodes of what may turn out to be loops. */
  const firsts: { readonly node: T; readonly place: number }[] = []
  const visits: Visit<T>[] = []
  let loopsFound = 0
  const visit = (node: T): void => {
    if (loops.has(node)) return
    const place = found.get(node)
    if (place === undefined) {
      firsts.push({ node, place: found.size })
      found.set(node, found.size)
      open.push(node)
      visits.push({ node, after: after(node)[Symbol.iterator]() })
    } else while ((firsts.at(-1)?.place ?? -1) > place) firsts.pop()
  }
  const leave = (node: T): void => {
    visits.pop()
    if (firsts.at(-1)?.node !== node) return
    firsts.pop()
    for (const each of open.splice(open.lastIndexOf(node))) loops.set(each, loopsFound)
    loopsFound += 1
  }
  for (const start of nodes) {
    visit(start)
    for (let last = visits.at(-1); last !== undefined; last = visits.at(-1)) {
      const next = last.after.next()
      if (next.done === true) leave(last.node)
      else visit(next.value)
    }
  }
  return loops
}
