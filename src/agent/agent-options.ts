/** What the agent needs to know; everything else it learns from the server. */
export interface AgentOptions {
  /** Base address of the server. */
  readonly server: string
  readonly token: string
  /** Modules that this agent may install. */
  readonly modules: readonly string[]
  /** Folder of its own for downloads and what must survive a power cut. */
  readonly stateFolder: string
  /** Shell command; see `run-hook.ts` for its environment. */
  readonly installHook: string
  readonly rollbackHook?: string
  /** Where the running version of a module stands. */
  readonly version: VersionSource
  /** A new version that does not run so long after its installation, with the machine up, is rolled back, seconds. */
  readonly confirmSeconds: number
  /** A hook that takes longer is killed, seconds. */
  readonly hookSeconds: number
  /** Holds the line for changes between checks. */
  readonly isWaiting: boolean
  readonly isMetered: boolean
}

/** `{module}` in a file's path stands for the module; a command finds it in `GODWIT_MODULE` and prints the version. */
export type VersionSource = { readonly file: string } | { readonly command: string }

/** What the agent needs of the machine; tests pass their own. */
export interface Machine {
  /** Seconds since the machine started. */
  uptime(): number
  /** Another text after each start of the machine; of the agent, where nobody can tell. */
  bootId(): string
  /** From 0 to 1, exclusive. */
  random(): number
  uuid(): string
  /** Resolves early when `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  readonly environment: Readonly<Record<string, string | undefined>>
  log(line: string): void
}
