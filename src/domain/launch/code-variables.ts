/** Variables by which the environment decides what code a program loads or which programs it runs, in upper case. */
const NAMES: ReadonlySet<string> = new Set([
  'BASH_ENV',
  'CDPATH',
  'CLASSPATH',
  'EDITOR',
  'ELECTRON_RUN_AS_NODE',
  'ENV',
  'GCONV_PATH',
  'GLIBC_TUNABLES',
  'HOME',
  'IFS',
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'LOCPATH',
  'NODE_OPTIONS',
  'NODE_PATH',
  'PAGER',
  'PATH',
  'PHPRC',
  'PHP_INI_SCAN_DIR',
  'PROMPT_COMMAND',
  'PS4',
  'SHELL',
  'SHELLOPTS',
  'TOOL_GATEWAY_PROCESS',
  'VISUAL',
  'XDG_CONFIG_HOME',
  '_JAVA_OPTIONS',
])
const PREFIXES = [
  'BASH_FUNC_',
  'BUN_',
  'CORECLR_',
  'COMPLUS_',
  'DENO_',
  'DOTNET_',
  'DYLD_',
  'GIT_',
  'LD_',
  'LUA_',
  'MALLOC_',
  'NODE_REPL_',
  'NPM_CONFIG_',
  'PERL',
  'PIP_',
  'PYTHON',
  'RUBY',
  'UV_',
]

/** Whether a variable can make a program run other code than its own. Case does not matter, because it does not everywhere. */
export function mayRunOtherCode(name: string): boolean {
  const upper = name.toUpperCase()
  return NAMES.has(upper) || PREFIXES.some((prefix) => upper.startsWith(prefix))
}
