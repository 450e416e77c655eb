import { Command } from 'commander'
import type { Settings } from '../../config/settings.ts'
import { CLI_EXIT } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import type { GatewayAddress } from '../client/rest-client.ts'
import { type Finding, problem } from './finding.ts'

const SIGNS = { ok: 'ok', warning: 'warning', problem: 'PROBLEM' } as const

/** `doctor`: what is wrong with the settings, the registry, the gateway and its servers, and what to do about it. */
export function doctorCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return withAddress(new Command('doctor'))
    .description(
      'check settings, ports, registry, identity providers, clocks, token and servers, and say how to correct them',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing is wrong; 1 something is; 2 no gateway answers at the given address.',
    )
    .action(async (options: AddressOptions) => {
      const { findings, isAbsent } = await allFindings(options, context)
      const rows = findings.map(({ state, check, text, remedy = '' }) => [SIGNS[state], check, text, remedy])
      context.print(
        options.json === true ? asJson(findings) : rowsFor(context, rows, ['', 'CHECK', 'FOUND', 'TO DO']),
      )
      if (isAbsent) setExitCode(CLI_EXIT.unavailable)
      else if (findings.some(({ state }) => state === 'problem')) setExitCode(CLI_EXIT.failed)
    })
}

/**
 * A gateway elsewhere has settings of another machine. Without an address that was given, none has to run yet: what
 * counts then is whether it could.
 */
async function allFindings(
  options: AddressOptions,
  context: CliContext,
): Promise<{ readonly findings: Finding[]; readonly isAbsent: boolean }> {
  const { gatewayChecks, tokenCheck, serverChecks } = await import('./gateway-checks.ts')
  const { portCheck } = await import('./local-checks.ts')
  const address = addressOf(options, context)
  const { findings, settings } = await localFindings(address, context)
  const running = await gatewayChecks(address)
  if (running !== undefined) {
    const asked = [...running, ...(await tokenCheck(address)), ...(await serverChecks(address))]
    return { findings: [...findings, ...asked], isAbsent: false }
  }
  const isGiven = (options.url ?? (context.env['TOOL_GATEWAY_URL'] || undefined)) !== undefined
  if (settings !== undefined && !isGiven)
    return { findings: [...findings, await portCheck(settings)], isAbsent: false }
  const absent = problem(
    'gateway',
    `none answers at ${address.url}`,
    'Start it there, or correct --url or TOOL_GATEWAY_URL.',
  )
  return { findings: [...findings, absent], isAbsent: true }
}

async function localFindings(
  { url }: GatewayAddress,
  context: CliContext,
): Promise<{ readonly findings: Finding[]; readonly settings: Settings | undefined }> {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname))
    return { findings: [], settings: undefined }
  const { settingsCheck, dataCheck, registryCheck, issuerChecks } = await import('./local-checks.ts')
  const { findings, settings } = await settingsCheck(context.env)
  if (settings === undefined) return { findings, settings }
  const local = [
    await dataCheck(settings),
    ...(await registryCheck(settings, context)),
    ...(await issuerChecks(settings)),
  ]
  return { findings: [...findings, ...local], settings }
}
