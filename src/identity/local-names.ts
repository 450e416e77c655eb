/** Issuer and audience of the tokens that the embedded mode makes for itself. */
export const LOCAL_ISSUER = 'urn:tool-gateway:local'

/** Name of the file in the data directory that holds the key of the local issuer. */
export const LOCAL_KEY_FILE = 'local-issuer-key.json'
