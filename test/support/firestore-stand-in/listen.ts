import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { Database } from './database.ts'
import type { Document, ListenRequest, ListenResponse, Target } from './messages.ts'

const TOKEN = Buffer.from('stand-in')

type Results = ReadonlyMap<string, Document>

/** Answers one stream of Listen: each target with what it finds, and again after each commit that changes that. */
export function listen(
  call: ServerDuplexStream<ListenRequest, ListenResponse>,
  databaseOf: (name: string) => Database,
): void {
  const targets = new Map<number, () => void>()
  const remove = (targetId: number): void => {
    targets.get(targetId)?.()
    targets.delete(targetId)
  }
  const send = (response: ListenResponse): void => void call.write(response)
  call.on('data', (request: ListenRequest) => {
    if (request.targetChange === 'addTarget') {
      const { addTarget } = request
      targets.set(addTarget.targetId, follow(databaseOf(request.database), addTarget, send))
    } else {
      remove(request.removeTarget)
      send({ targetChange: { targetChangeType: 'REMOVE', targetIds: [request.removeTarget] } })
    }
  })
  const removeAll = (): void => [...targets.keys()].forEach(remove)
  call.on('end', () => {
    removeAll()
    call.end()
  })
  call.on('cancelled', removeAll)
}

function follow(database: Database, target: Target, send: (response: ListenResponse) => void): () => void {
  const targetIds = [target.targetId]
  const finished = (targetChangeType: 'CURRENT' | 'NO_CHANGE', ids: readonly number[]): void =>
    send({
      targetChange: {
        targetChangeType,
        targetIds: ids,
        readTime: database.readTime,
        resumeToken: TOKEN,
      },
    })
  send({ targetChange: { targetChangeType: 'ADD', targetIds } })
  // Nothing is kept of what was sent before: whoever resumes forgets what it knows and hears it all again.
  if (target.resumeType !== undefined) send({ targetChange: { targetChangeType: 'RESET', targetIds } })
  let known = sendChanges(new Map())
  finished('CURRENT', targetIds)
  finished('NO_CHANGE', [])
  return database.watch(() => {
    const before = known
    known = sendChanges(before)
    if (known !== before) finished('NO_CHANGE', [])
  })

  /** What is found now; the same object when nothing changed. */
  function sendChanges(before: Results): Results {
    const now: Results = new Map(find(database, target).map((document) => [document.name, document]))
    const changed = [...now.values()].filter(
      ({ name, updateTime }) => before.get(name)?.updateTime !== updateTime,
    )
    const gone = [...before.keys()].filter((name) => !now.has(name))
    for (const document of changed) send({ documentChange: { document, targetIds } })
    for (const name of gone) {
      const removal = { document: name, removedTargetIds: targetIds, readTime: database.readTime }
      send(database.get(name) === undefined ? { documentDelete: removal } : { documentRemove: removal })
    }
    return changed.length + gone.length === 0 ? before : now
  }
}

function find(database: Database, target: Target): Document[] {
  if (target.targetType === 'query') return database.query(target.query)
  return target.documents.documents.flatMap((name) => database.get(name) ?? [])
}
