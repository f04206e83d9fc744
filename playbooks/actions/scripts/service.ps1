# Looks at, restarts, starts or stops one service. What to do comes as JSON on standard input.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
$answer = @{ found = $false; state = ''; error = ''; denied = $false }
try {
  $told = @($input) -join ''
  if (-not $told) { $told = [Console]::In.ReadToEnd() }
  $told = $told | ConvertFrom-Json
  $service = Get-Service | Where-Object { $_.Name -eq $told.service }
  if ($service) {
    $answer.found = $true
    switch ($told.verb) {
      'restart' { Restart-Service -InputObject $service -Force }
      'start' { Start-Service -InputObject $service }
      'stop' { Stop-Service -InputObject $service }
    }
    $service.Refresh()
    $answer.state = [string]$service.Status
  }
} catch {
  $answer.error = [string]$_.Exception.Message
  $reason = $_.Exception.GetBaseException()
  $answer.denied = ($reason.HResult -eq -2147024891) -or ($reason -is [System.ComponentModel.Win32Exception] -and $reason.NativeErrorCode -eq 5)
}
$answer | ConvertTo-Json -Compress
