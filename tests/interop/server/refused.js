/** A request that is refused, with VideoSDK's code or an HTTP-like one. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}
