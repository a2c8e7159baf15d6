-- What wrk asks of a server; see benchmarks/live.py.
--   wrk … -s live.lua URL -- lists KEY DELAY_MS CUSTOMERS ITEMS CATEGORIES
--   wrk … -s live.lua URL -- events KEY DELAY_MS CUSTOMERS ITEMS TOGETHER
-- CUSTOMERS, ITEMS and CATEGORIES are files with a line for each; a request is about random ones.
-- A list is asked for with a category, a price range and two items that may not be on it.

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
  what, pause, customers, items = args[1], tonumber(args[3]), lines(args[4]), lines(args[5])
  wrk.headers["Authorization"] = "Bearer " .. args[2]
  if what == "events" then
    together = tonumber(args[6])
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
  else
    categories = lines(args[6])
  end
  if pause == 0 then
    delay = nil
  end
end

function delay()
  -- of this mean, spread evenly, so that connections do not march in step
  return pause * 2 * math.random()
end

local function any(list)
  return list[math.random(#list)]
end

local function event()
  return string.format(
    '{"type":"view","identifiers":{"customer":"%s"},"item_id":"%s"}', any(customers), any(items)
  )
end

function request()
  if what == "lists" then
    return wrk.format("GET", string.format(
      "/v1/customers/%s/recommendations?k=10&category=%s&price_from=%d&exclude=%s,%s",
      any(customers), any(categories), math.random(5), any(items), any(items)
    ))
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
