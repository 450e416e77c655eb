import { parentPort, workerData } from 'node:worker_threads'
import { parseYaml } from './yaml-text.ts'
import type { YamlAnswer } from './yaml-thread.ts'

parentPort?.postMessage(answerTo(String(workerData)), [])

function answerTo(text: string): YamlAnswer {
  try {
    const parsed = parseYaml(text)
    return 'problem' in parsed ? parsed : { json: JSON.stringify(parsed.root ?? null) }
  } catch {
    return { problem: 'it is nested too deeply, or contains itself' }
  }
}
