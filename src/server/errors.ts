export { isOtaError, OtaError } from '../core/errors.ts'
