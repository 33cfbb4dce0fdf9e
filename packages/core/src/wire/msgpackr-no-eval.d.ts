/** The build of msgpackr that compiles no code at run time; the package ships no types for it. */
declare module 'msgpackr/index-no-eval' {
  export { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr';
}
