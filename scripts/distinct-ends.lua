-- Drives wrk with charging notifications of type End, no two of them alike: session ids are taken in turn from a file,
-- and a counter in CPOPartnerSessionID makes every body distinct.
--
-- wrk … -s distinct-ends.lua URL -- FILE-OF-SESSION-IDS PREFIX
--
-- With BENCH_RATE in the environment the requests of all connections together are sent at that rate (per second), or as
-- near to it as the proxy allows; without it, as fast as answers come.
--
-- PREFIX keeps the bodies of one run apart from those of another. The last line of the output is for a program:
-- RESULT requests=… us=… p50=… p99=… non2xx=… errors=…

local started = 0

function setup(thread)
  thread:set("thread", started)
  started = started + 1
end

function init(args)
  local file, prefix = args[1], args[2]
  sessions = {}
  for line in io.lines(file) do
    if #line > 0 then sessions[#sessions + 1] = line end
  end
  assert(#sessions > 0, "no session ids in " .. file)

  before = '{"Type":"End","CPOPartnerSessionID":"' .. prefix .. "-" .. thread .. "-"
  middle = '","EMPPartnerSessionID":"2345ABC","OperatorID":"DE*ABC","EvseID":"DE*ABC*ETEST1",'
    .. '"Identification":{"RFIDMifareFamilyIdentification":{"UID":"044A2DAA856280"}},'
    .. '"ChargingStart":"2026-03-02T10:00:00.000Z","ChargingEnd":"2026-03-02T10:30:00.000Z",'
    .. '"SessionStart":"2026-03-02T10:00:00.000Z","SessionEnd":"2026-03-02T10:30:00.000Z",'
    .. '"ConsumedEnergy":10,"MeterValueStart":0,"MeterValueEnd":10,"MeterValueInBetween":{"meterValues":[5]},'
    .. '"PartnerProductID":"AC 1","SessionID":"'
  after = '"}'

  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port
    .. "\r\nContent-Type: application/json\r\nContent-Length: "
  count = 0
end

local rate = tonumber(os.getenv("BENCH_RATE") or "0")

if rate > 0 then
  local ffi = require("ffi")
  ffi.cdef("typedef struct { long s; long ns; } bench_time; int clock_gettime(int, bench_time *);")
  local time = ffi.new("bench_time")
  local due

  -- Milliseconds until the next request is due. Who is late catches up, but not more than a twentieth of a second.
  function delay()
    ffi.C.clock_gettime(1, time)
    local now = tonumber(time.s) + tonumber(time.ns) / 1e9
    due = math.max((due or now) + 1 / rate, now - 0.05)
    return math.max(0, math.floor((due - now) * 1000 + 0.5))
  end
end

function request()
  local session = sessions[count % #sessions + 1]
  local body = before .. string.format("%09d", count) .. middle .. session .. after
  count = count + 1
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT requests=%d us=%d p50=%d p99=%d non2xx=%d errors=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
