import { CniError, type ErrorOptions } from "./error";

/**
 * The API server gave an object that cannot be used, and what is in an object its owner controls. So
 * this is never "could not be found out": a pod must not get rid of its tenant by being unreadable.
 */
export class OwnedAnswerError extends CniError {
  constructor(message: string, options: ErrorOptions = {}) {
    super("apiAnswer", message, options);
    this.name = "OwnedAnswerError";
  }

  /** The same error with one more fact appended to its details; it stays one of these. */
  override withDetails(more: string): OwnedAnswerError {
    return new OwnedAnswerError(this.message, {
      details: super.withDetails(more).details,
      cause: this.cause,
    });
  }
}
