/** Runs the everything server by hand: `node main.ts [both|legacy|modern] [port]`. */
import { type Eras, startEverything } from './endpoint.ts'

const [eras = 'both', port = '0'] = process.argv.slice(2)
const { url } = await startEverything(eras as Eras, Number(port))
process.stdout.write(`${url}\n`)
