-- What wrk asks of a server; see benchmarks/live.py.
--   wrk … -s live.lua URL -- lists CUSTOMERS DELAY_MS
--   wrk … -s live.lua URL -- events CUSTOMERS DELAY_MS ITEMS TOGETHER
-- CUSTOMERS and ITEMS are files with an id a line; each request is about random ones.

local number = 0

function setup(thread)
  number = number + 1
  thread:set("seed", os.time() * 100 + number)
end

local function lines(path)
  local found = {}
  for line in io.lines(path) do
    found[#found + 1] = line
  end
  return found
end

function init(args)
  math.randomseed(seed)
  what, customers, pause = args[1], lines(args[2]), tonumber(args[3])
  if what == "events" then
    items, together = lines(args[4]), tonumber(args[5])
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
  end
  if pause == 0 then
    delay = nil
  end
end

function delay()
  -- of this mean, spread evenly, so that connections do not march in step
  return pause * 2 * math.random()
end

local function event()
  return string.format(
    '{"type":"view","identifiers":{"customer":"%s"},"item_id":"%s"}',
    customers[math.random(#customers)], items[math.random(#items)]
  )
end

function request()
  if what == "lists" then
    local customer = customers[math.random(#customers)]
    return wrk.format("GET", "/v1/customers/" .. customer .. "/recommendations?k=10")
  end
  local told = {}
  for at = 1, together do
    told[at] = event()
  end
  return wrk.format("POST", "/v1/events", nil, '{"events":[' .. table.concat(told, ",") .. "]}")
end

function done(summary, latency, requests)
  local wrong = summary.errors
  io.write(string.format(
    'JSON {"requests": %d, "seconds": %.4f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, wrong.status,
    wrong.connect + wrong.read + wrong.write + wrong.timeout
  ))
end
