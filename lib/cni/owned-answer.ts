import { CniError, type ErrorOptions } from "./error";

/**
 * The API server answered with an object that cannot be used. The owner of the object controls its
 * content, so this never counts as "could not be found out": a pod must not lose its tenant by being
 * unreadable.
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
