// oxlint-disable-next-line import/no-default-export -- Jest takes a function that is the default export
export { stopSharedEmulator as default } from './global-setup.ts'
