// The npm bittorrent-tracker client: each line of the input is a JSON object {name, method, options} that calls a
// method of the client of that name (`new` makes it), each line of the output a JSON object {name, event, data}.
// Clients of one process share a connection to a tracker.
import { createInterface } from 'node:readline'
import Client from 'bittorrent-tracker/client'

const clients = new Map()

function tell (name, event, data) {
  process.stdout.write(JSON.stringify({ name, event, data }) + '\n')
}

function create (name, options) {
  const client = new Client({ ...options, port: 6881 })
  client.on('error', error => tell(name, 'error', String(error.message)))
  client.on('warning', warning => tell(name, 'warning', String(warning.message)))
  client.on('update', update => tell(name, 'update', update))
  client.on('scrape', scrape => tell(name, 'scrape', scrape))
  client.on('peer', peer => {
    // What the other side sent is known a little later, when it was passed to WebRTC.
    const connection = peer._pc
    setImmediate(() => {
      const { initiator, id } = peer
      const [sent, received] = [connection.localDescription?.sdp, connection.remoteDescription?.sdp]
      tell(name, 'peer', { initiator, id, sent, received })
    })
  })
  return client
}

for await (const line of createInterface({ input: process.stdin })) {
  const { name, method, options } = JSON.parse(line)
  if (method === 'new') {
    clients.set(name, create(name, options))
  } else if (method === 'destroy') {
    clients.get(name).destroy(() => tell(name, 'destroyed'))
  } else {
    clients.get(name)[method](options)
  }
}
