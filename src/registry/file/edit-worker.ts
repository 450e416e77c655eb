import { parentPort, workerData } from 'node:worker_threads'
import { mendJsonParse } from '../../domain/json/json.ts'
import { checkedEdit, type EditTask } from './checked-edit.ts'

mendJsonParse()
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- edit-thread.ts has written it
const task = JSON.parse(String(workerData)) as EditTask
parentPort?.postMessage(checkedEdit(task), [])
