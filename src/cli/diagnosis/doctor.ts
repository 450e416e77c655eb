import { Command } from 'commander'
import { CLI_EXIT } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import type { Finding } from './finding.ts'

const SIGNS = { ok: 'ok', warning: 'warning', problem: 'PROBLEM' } as const

/** `doctor`: what is wrong with the settings, the registry, the gateway and its servers, and what to do about it. */
export function doctorCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return withAddress(new Command('doctor'))
    .description(
      'check settings, ports, registry, identity providers, clocks, token and servers, and say how to correct them',
    )
    .addHelpText('after', '\nExit codes: 0 nothing is wrong; 1 something is.')
    .action(async (options: AddressOptions) => {
      const findings = await allFindings(options, context)
      const rows = findings.map(({ state, check, text, remedy = '' }) => [SIGNS[state], check, text, remedy])
      context.print(
        options.json === true ? asJson(findings) : rowsFor(context, rows, ['', 'CHECK', 'FOUND', 'TO DO']),
      )
      if (findings.some(({ state }) => state === 'problem')) setExitCode(CLI_EXIT.failed)
    })
}

/** A gateway elsewhere has settings of another machine. */
async function allFindings(options: AddressOptions, context: CliContext): Promise<Finding[]> {
  const { settingsCheck, dataCheck, registryCheck, portCheck, issuerChecks } =
    await import('./local-checks.ts')
  const { gatewayChecks, tokenCheck, serverChecks } = await import('./gateway-checks.ts')
  const address = addressOf(options, context)
  const isHere = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(address.url).hostname)
  const { findings, settings } = isHere
    ? await settingsCheck(context.env)
    : { findings: [], settings: undefined }
  const local =
    settings === undefined
      ? []
      : [
          await dataCheck(settings),
          ...(await registryCheck(settings, context)),
          ...(await issuerChecks(settings)),
        ]
  const running = await gatewayChecks(address)
  if (running === undefined) {
    const absent =
      settings === undefined
        ? ({
            check: 'gateway',
            state: 'problem',
            text: `none answers at ${address.url}`,
            remedy: 'Give --url.',
          } as const)
        : await portCheck(settings)
    return [...findings, ...local, absent]
  }
  return [...findings, ...local, ...running, ...(await tokenCheck(address)), ...(await serverChecks(address))]
}
