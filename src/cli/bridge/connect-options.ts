/** What the command line says about a connection. */
export interface ConnectOptions {
  readonly header: Readonly<Record<string, string>>
  readonly tokenFile?: string
  readonly scope?: string
  readonly clientId?: string
  readonly clientSecretFile?: string
  readonly clientMetadataUrl?: string
  readonly callbackPort?: number
  readonly signInTimeout: number
  readonly allowHttp?: boolean
  readonly browser: boolean
  readonly signOut?: boolean
}
