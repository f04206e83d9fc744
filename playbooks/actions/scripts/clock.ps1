# Looks at the Windows time service, switches it on or off, or sets the clock. What to do comes as JSON on standard input.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
$answer = @{ running = $false; synchronised = $false; error = ''; denied = $false }
function Invoke-Tool($words) {
  $said = & w32tm.exe $words 2>&1 | Out-String
  if ($LASTEXITCODE -ne 0) {
    if ($LASTEXITCODE -eq 5 -or $LASTEXITCODE -eq -2147024891) { $answer.denied = $true }
    throw $said.Trim()
  }
}
try {
  $told = @($input) -join ''
  if (-not $told) { $told = [Console]::In.ReadToEnd() }
  $told = $told | ConvertFrom-Json
  switch ($told.verb) {
    'on' { Start-Service -Name W32Time; Invoke-Tool @('/resync', '/force') }
    'off' { Stop-Service -Name W32Time }
    'move' { Set-Date -Date ([DateTimeOffset]::FromUnixTimeMilliseconds([long]($told.moment * 1000)).LocalDateTime) | Out-Null }
  }
  $answer.running = (Get-Service -Name W32Time).Status -eq 'Running'
} catch {
  $answer.error = [string]$_.Exception.Message
  if ($_.Exception.HResult -eq -2147024891) { $answer.denied = $true }
}
$answer | ConvertTo-Json -Compress
