// Connections that make offers and answers and never come about. Every offer is one of its kind, with what a tracker
// may not spoil: line ends, quotes, characters of two to four bytes, and what JavaScript would escape.
let made = 0

export class RTCSessionDescription {
  constructor ({ type, sdp }) {
    Object.assign(this, { type, sdp })
  }
}

export class RTCIceCandidate {}

export class RTCPeerConnection {
  iceGatheringState = 'complete'
  iceConnectionState = 'new'
  connectionState = 'new'
  signalingState = 'stable'

  createDataChannel (label) {
    return { label, readyState: 'connecting', close () {} }
  }

  async createOffer () {
    made += 1
    return { type: 'offer', sdp: `v=0\r\ns=offer ${made} "\\/\u2028é€𝄞\u0001\r\na=${'x'.repeat(900)}\r\n` }
  }

  async createAnswer () {
    return { type: 'answer', sdp: `answer to ${this.remoteDescription.sdp}` }
  }

  async setLocalDescription (description) {
    this.localDescription = description
    setImmediate(() => this.onicecandidate?.({ candidate: null }))
  }

  async setRemoteDescription (description) {
    this.remoteDescription = description
  }

  async addIceCandidate () {}

  close () {}
}
