// One WebTorrent client, told by its address what to do. What happens is reported to where the page came from.
import WebTorrent from './webtorrent.min.js'

const asked = new URLSearchParams(location.search)
const role = asked.get('role')
const announce = asked.getAll('tracker')

function report(what, body = '') {
  return fetch(`report/${role}/${what}`, { method: 'POST', body })
}

function follow(torrent) {
  torrent.on('warning', warning => report('warning', String(warning)))
  torrent.on('error', error => report('error', String(error)))
  torrent.on('wire', wire => report('wire', wire.type))
  torrent.on('trackerAnnounce', () => report('announced'))
}

// No server helps with addresses: loopback needs none.
const tracker = { rtcConfig: { iceServers: [] } }
if (!asked.has('offers')) tracker.getAnnounceOpts = () => ({ numwant: 0 })
const client = new WebTorrent({ tracker })
client.on('error', error => report('error', String(error)))
if (role === 'seeder') {
  const content = await (await fetch('content')).blob()
  const options = { announce, name: asked.get('name'), pieceLength: Number(asked.get('piece_length')) }
  follow(client.seed([new File([content], options.name)], options, torrent => report('seeds', torrent.infoHash)))
} else {
  const torrent = client.add(asked.get('magnet'), { announce })
  follow(torrent)
  torrent.on('done', async () => report('done', await torrent.files[0].blob()))
}
