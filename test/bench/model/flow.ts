/**
 * One direction of one TCP connection over a long road, without the bytes themselves: when what is sent arrives, and how much may be
 * sent. Rates are nowhere: they follow from the round trip, the window, losses, and the link that is shared. Pure; time and chance
 * are handed in.
 */
import type { Clock } from './clock.ts';
import { CongestionWindow, SEGMENT_BYTES } from './congestion-window.ts';
import type { Link } from './link.ts';

export interface Road {
  readonly roundTripMs: number;
  /** A piece takes up to so much longer; order is kept. */
  readonly jitterMs: number;
  /** Of the sockets' buffers: the most that is under way or unread. */
  readonly windowBytes: number;
  /** How likely a segment is lost. */
  readonly lossRate: number;
}

export interface FlowOptions {
  readonly road: Road;
  readonly link: Link;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** More may be sent than before. */
  readonly onRoom: () => void;
}

/** Gets what has arrived, in order, and says when the receiver has taken it. */
export type Deliver = (taken: () => void) => void;

interface Piece {
  readonly sizeBytes: number;
  readonly deliver: Deliver;
  sentAtMs: number;
  hasArrived: boolean;
}

/** Senders wait until it is worth while. */
const WORTHWHILE_BYTES = 8 * SEGMENT_BYTES;
/** Linux's shortest retransmission timeout, beside the round trip. */
const MIN_TIMEOUT_MS = 200;

export class Flow {
  readonly #options: FlowOptions;
  readonly #window: CongestionWindow;
  readonly #oneWayMs: number;
  /** Not delivered yet, in order. */
  readonly #pieces: Piece[] = [];
  /** Sent and not acknowledged. */
  #underWayBytes = 0;
  /** Sent and, as far as the sender knows, not taken by the receiver. */
  #untakenBytes = 0;
  #lastSentAtMs = -Infinity;
  #gaveWayAtMs = -Infinity;

  constructor(options: FlowOptions) {
    const { windowBytes, roundTripMs } = options.road;
    this.#options = options;
    this.#window = new CongestionWindow(windowBytes, roundTripMs);
    this.#oneWayMs = roundTripMs / 2;
  }

  /** How much may be sent now. */
  roomBytes(): number {
    this.#restartAfterPause();
    const allowed = Math.floor(this.#window.sizeBytes);
    const room = Math.min(allowed - this.#underWayBytes, this.#options.road.windowBytes - this.#untakenBytes);
    return room < Math.min(WORTHWHILE_BYTES, allowed / 2) ? 0 : room;
  }

  /** @param sizeBytes at most roomBytes(); 0 for what only has to keep its place in the order */
  send(sizeBytes: number, deliver: Deliver): void {
    const nowMs = this.#options.clock.now();
    const piece = { sizeBytes, deliver, sentAtMs: nowMs, hasArrived: false };
    this.#pieces.push(piece);
    this.#lastSentAtMs = nowMs;
    this.#underWayBytes += sizeBytes;
    this.#untakenBytes += sizeBytes;
    this.#transmit(piece, sizeBytes);
  }

  #transmit(piece: Piece, sizeBytes: number): void {
    const { road, link, clock, random } = this.#options;
    const nowMs = clock.now();
    piece.sentAtMs = nowMs;
    const leavesAtMs = link.send(nowMs, sizeBytes);
    if (leavesAtMs === undefined) {
      this.#retransmitAt(nowMs + road.roundTripMs, piece, sizeBytes);
    } else if (random() < 1 - (1 - road.lossRate) ** Math.ceil(sizeBytes / SEGMENT_BYTES)) {
      this.#retransmitAt(leavesAtMs + road.roundTripMs, piece, Math.min(sizeBytes, SEGMENT_BYTES));
    } else {
      clock.at(leavesAtMs + this.#oneWayMs + random() * road.jitterMs, () => this.#arrive(piece));
    }
  }

  /** The segments behind the lost one tell of it; those wait for it at the receiver. */
  #retransmitAt(timeMs: number, piece: Piece, sizeBytes: number): void {
    this.#options.clock.at(timeMs, () => {
      if (piece.sentAtMs > this.#gaveWayAtMs) {
        this.#gaveWayAtMs = this.#options.clock.now();
        this.#window.lose(this.#gaveWayAtMs);
      }
      this.#transmit(piece, sizeBytes);
    });
  }

  #arrive(piece: Piece): void {
    piece.hasArrived = true;
    this.#afterOneWay(() => this.#acknowledge(piece.sizeBytes));
    while (this.#pieces[0]?.hasArrived === true) {
      const { sizeBytes, deliver } = this.#pieces.shift() as Piece;
      deliver(() =>
        this.#afterOneWay(() => {
          this.#untakenBytes -= sizeBytes;
          this.#options.onRoom();
        }),
      );
    }
  }

  #acknowledge(sizeBytes: number): void {
    // As Linux judges it: a sender with less under way is not held up by the window.
    if (2 * this.#underWayBytes >= this.#window.sizeBytes) {
      this.#window.acknowledge(this.#options.clock.now(), sizeBytes);
    }
    this.#underWayBytes -= sizeBytes;
    this.#options.onRoom();
  }

  #restartAfterPause(): void {
    const pauseMs = this.#options.clock.now() - this.#lastSentAtMs;
    if (this.#underWayBytes === 0 && pauseMs > this.#options.road.roundTripMs + MIN_TIMEOUT_MS) this.#window.restart();
  }

  #afterOneWay(action: () => void): void {
    const { clock } = this.#options;
    clock.at(clock.now() + this.#oneWayMs, action);
  }
}
