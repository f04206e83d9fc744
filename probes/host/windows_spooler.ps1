# Everything that the spooler probe asks of Windows, in one round trip: reads only, prints one JSON document.
$ErrorActionPreference = 'SilentlyContinue'
$ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
$service = Get-CimInstance Win32_Service -Filter 'Name=''Spooler''' | Select-Object State, StartMode
$printers = @(Get-CimInstance Win32_Printer | Select-Object Name, PortName, DriverName, Default, WorkOffline, PrinterStatus, PrinterState, ExtendedPrinterStatus, DetectedErrorState)
$jobs = @(Get-CimInstance Win32_PrintJob | Select-Object Name, Document, JobStatus, StatusMask, @{n='Submitted'; e={ if ($_.TimeSubmitted) { $_.TimeSubmitted.ToUniversalTime().ToString('o') } }})
$ports = @(Get-CimInstance Win32_TCPIPPrinterPort | Select-Object Name, HostAddress, PortNumber, Protocol, SNMPEnabled, SNMPCommunity, SNMPDevIndex)
@{ service = $service; printers = $printers; jobs = $jobs; ports = $ports } | ConvertTo-Json -Depth 4 -Compress
