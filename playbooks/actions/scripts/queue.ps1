# Looks at one print queue, cancels jobs of it, lets it print, or puts it back. What to do comes as JSON on standard input.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
$answer = @{ found = $false; paused = $false; offline = $false; jobs = @(); error = ''; denied = $false }
function Invoke-Printer($printer, $method) {
  $code = (Invoke-CimMethod -InputObject $printer -MethodName $method).ReturnValue
  if ($code -eq 5) { $answer.denied = $true }
  if ($code -ne 0) { throw ($method + ' returned ' + $code) }
}
function Set-Offline($name, $value) {
  $printer = Get-WmiObject Win32_Printer | Where-Object { $_.Name -eq $name }
  if ($printer.WorkOffline -ne $value) { $printer.WorkOffline = $value; [void]$printer.Put() }
}
try {
  $told = @($input) -join ''
  if (-not $told) { $told = [Console]::In.ReadToEnd() }
  $told = $told | ConvertFrom-Json
  $printer = Get-CimInstance Win32_Printer | Where-Object { $_.Name -eq $told.queue }
  if ($printer) {
    $answer.found = $true
    $jobs = @(Get-CimInstance Win32_PrintJob | Where-Object { ($_.Name -replace ', \d+$', '') -eq $told.queue })
    switch ($told.verb) {
      'cancel' { $jobs | Where-Object { $told.jobs -contains $_.JobId } | Remove-CimInstance }
      'resume' { Set-Offline $told.queue $false; Invoke-Printer $printer 'Resume' }
      'back' { Set-Offline $told.queue $told.offline; if ($told.paused) { Invoke-Printer $printer 'Pause' } }
    }
    $printer = Get-CimInstance Win32_Printer | Where-Object { $_.Name -eq $told.queue }
    $answer.paused = [bool](($printer.PrinterState -band 1) -or ($printer.ExtendedPrinterStatus -eq 8))
    $answer.offline = [bool]$printer.WorkOffline
    $answer.jobs = @($jobs | ForEach-Object { @{ id = [string]$_.JobId; user = [string]$_.Owner } })
  }
} catch {
  $answer.error = [string]$_.Exception.Message
  if ($_.Exception.HResult -eq -2147024891) { $answer.denied = $true }
}
$answer | ConvertTo-Json -Depth 4 -Compress
